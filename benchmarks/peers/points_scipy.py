"""SciPy's: `qmc.Sobol(10, scramble=True).random`."""

from scipy.stats import qmc

DIMENSIONS = 10


def prepare(coordinates):
    def run(seed):
        qmc.Sobol(DIMENSIONS, scramble=True, rng=seed).random(coordinates // DIMENSIONS)

    return run
