"""NumPy on SciPy's scrambled Sobol' points: 16 replicates, on threads, each scrambled by itself;
inverse cdfs from `scipy.special`; a statistic is the replicates' average.
"""

from concurrent.futures import ThreadPoolExecutor

import machine
import model
import numpy as np
from scipy import special
from scipy.stats import qmc

from peers import numpy_model

REPLICATES = 16


def inverse_cdfs(u):
    """Return the ten inputs, (10, n), of uniforms (n, 10)."""
    columns = dict(zip(model.UNCERTAIN, u.T, strict=True))
    for name, own in model.LOGNORMALS.items():
        columns[name] = np.exp(own.middle + own.sigma * special.ndtri(columns[name]))
    for name, own in model.PERTS.items():
        columns[name] = own.low + own.span * special.betaincinv(own.alpha, own.beta, columns[name])
    low, high = model.PEAK
    columns["peak_flops"] = low + (high - low) * columns["peak_flops"]
    columns["overhead"] = _triangular(columns["overhead"], *model.OVERHEAD)
    return list(columns.values())


def _triangular(u, low, mode, high):
    left = u * (high - low) < mode - low
    root = np.sqrt((high - low) * np.where(left, u * (mode - low), (1.0 - u) * (high - mode)))
    return np.where(left, low + root, high - root)


def prepare(draws):
    power = (draws // REPLICATES).bit_length() - 1
    pool = ThreadPoolExecutor(machine.cores())

    def replicate(seed):
        points = qmc.Sobol(len(model.UNCERTAIN), rng=seed).random_base2(power)
        return numpy_model.statistics_of(numpy_model.evaluate(inverse_cdfs(points)))

    def run(seed):
        """Return the statistics of every replicate; the average of a few numbers is free."""
        return list(pool.map(replicate, range(seed * REPLICATES, (seed + 1) * REPLICATES)))

    return run
