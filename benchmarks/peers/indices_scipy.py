"""SciPy: `stats.sobol_indices` of the model in NumPy, all eight outputs, without its bootstrap: no
errors (the bootstrap holds all resamples at once, tens of GiB at these sizes).
"""

import model
import numpy as np
from scipy import stats

from peers import numpy_model

INPUTS = len(model.UNCERTAIN)


def _distributions():
    drawn = {n: stats.lognorm(own.sigma, scale=np.exp(own.middle)) for n, own in _lognormals()}
    for name, own in model.PERTS.items():
        drawn[name] = stats.beta(own.alpha, own.beta, own.low, own.span)
    drawn["peak_flops"] = stats.uniform(model.PEAK[0], model.PEAK[1] - model.PEAK[0])
    low, mode, high = model.OVERHEAD
    drawn["overhead"] = stats.triang((mode - low) / (high - low), low, high - low)
    return [drawn[name] for name in model.UNCERTAIN]


def _lognormals():
    return model.LOGNORMALS.items()


def prepare(evaluations):
    base, dists = evaluations // (INPUTS + 2), _distributions()

    def run(seed):
        found = stats.sobol_indices(func=numpy_model.evaluate, n=base, dists=dists, rng=seed)
        return found.first_order[-1], found.total_order[-1]

    return run
