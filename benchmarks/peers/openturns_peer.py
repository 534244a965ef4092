"""OpenTURNS: a joint distribution's `getSample`, a `SymbolicFunction` (on threads; a
`PythonFunction` over the whole sample takes ten times as long), the statistics of its `Sample`.
"""

import model
import numpy as np
import openturns as ot


def distribution():
    parts = {name: ot.LogNormal(own.middle, own.sigma) for name, own in model.LOGNORMALS.items()}
    for name, own in model.PERTS.items():
        parts[name] = ot.Beta(own.alpha, own.beta, own.low, own.low + own.span)
    parts["peak_flops"] = ot.Uniform(*model.PEAK)
    parts["overhead"] = ot.Triangular(*model.OVERHEAD)
    return ot.JointDistribution([parts[name] for name in model.UNCERTAIN])


def formulas():
    """Return the eight outputs as OpenTURNS reads them."""
    common = "parameters * gpu_price * overhead / peak_flops"
    first = f"{model.SERVING_FACTOR} * {common} * token_rate / serving_utilization"
    change = "(demand_factor * (1 - price_decline))"
    bills = [f"{model.TRAINING_FACTOR} * {common} * training_tokens / training_utilization"]
    bills += [f"{first} * {change} ^ {year}" for year in range(model.YEARS)]
    return [*bills, " + ".join(bills)]


def prepare(draws):
    inputs = distribution()
    budget = ot.SymbolicFunction(model.UNCERTAIN, formulas())

    def run(seed):
        ot.RandomGenerator.SetSeed(seed)
        outputs = budget(inputs.getSample(draws))
        quantiles = outputs.computeQuantilePerComponent(model.LEVELS)  # 1.24 on: one sort for all
        return model.Statistics(
            mean=np.array(outputs.computeMean()),
            std=np.array(outputs.computeStandardDeviation()),
            quantiles=np.asarray(quantiles).T,
            exceedance=(np.asarray(outputs) > model.LIMIT).mean(axis=0),
        )

    return run
