"""SALib: `sample.sobol` in the unit cube, inverse cdfs and the model in NumPy, `analyze.sobol` with
its confidence intervals (100 resamples), no second order; one output, the sum of all bills.
"""

import model
from SALib.analyze import sobol as analysis
from SALib.sample import sobol as sampling

from peers import numpy_model, numpy_qmc

INPUTS = len(model.UNCERTAIN)
PROBLEM = {"num_vars": INPUTS, "names": list(model.UNCERTAIN), "bounds": [[0.0, 1.0]] * INPUTS}


def prepare(evaluations):
    base = evaluations // (INPUTS + 2)

    def run(seed):
        points = sampling.sample(PROBLEM, base, calc_second_order=False, seed=seed + 1)
        bills = numpy_model.all_bills(numpy_qmc.inverse_cdfs(points))
        found = analysis.analyze(PROBLEM, bills, calc_second_order=False, seed=seed + 1)
        return found["S1"], found["ST"]

    return run
