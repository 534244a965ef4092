"""flopcast: `fc.sensitivity`, indices and standard errors of all eight outputs."""

import model
from workers import Unavailable

import flopcast as fc


def prepare(evaluations):
    if not hasattr(fc, "sensitivity"):
        raise Unavailable("this flopcast has no fc.sensitivity")
    scenario = fc.load(model.SCENARIO)
    draws = evaluations // (len(model.UNCERTAIN) + 2)

    def run(seed):
        found = fc.sensitivity(scenario, draws, seed).sel(input=list(model.UNCERTAIN))
        output = model.OUTPUTS[-1]
        return found[f"{output}_first"].values, found[f"{output}_total"].values

    return run
