"""OpenTURNS: `SobolIndicesExperiment`, a `SymbolicFunction`, `MartinezSensitivityAlgorithm` (its
steadiest here) with its asymptotic confidence intervals; one output, the sum of all bills.
"""

import model
import numpy as np
import openturns as ot

from peers.openturns_peer import distribution, formulas

INPUTS = len(model.UNCERTAIN)


def prepare(evaluations):
    base, inputs = evaluations // (INPUTS + 2), distribution()
    bills = ot.SymbolicFunction(model.UNCERTAIN, formulas()[-1:])

    def run(seed):
        ot.RandomGenerator.SetSeed(seed)
        points = ot.SobolIndicesExperiment(inputs, base, False).generate()
        found = ot.MartinezSensitivityAlgorithm(points, bills(points), base)
        found.setUseAsymptoticDistribution(True)
        for interval in (found.getFirstOrderIndicesInterval, found.getTotalOrderIndicesInterval):
            interval()
        return np.array(found.getFirstOrderIndices()), np.array(found.getTotalOrderIndices())

    return run
