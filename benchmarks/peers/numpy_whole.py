"""NumPy as most would write it: all draws at once, on its fastest generator (SFC64)."""

import numpy as np

from peers import numpy_model


def prepare(draws):
    def run(seed):
        rng = np.random.Generator(np.random.SFC64(seed))
        return numpy_model.statistics_of(numpy_model.evaluate(numpy_model.sample(rng, draws)))

    return run
