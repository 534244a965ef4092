"""flopcast: `fc.forecast`, from the loaded scenario to the Dataset, standard errors and the mean
beyond each quantile included.
"""

import model
import numpy as np

import flopcast as fc


def _column(dataset, suffix):
    return np.array([dataset[name + suffix].values.ravel() for name in model.OUTPUTS])


def prepare(draws, **options):
    scenario = fc.load(model.SCENARIO)

    def run(seed):
        found = fc.forecast(scenario, draws, seed, quantiles=model.LEVELS, **options)
        kept = found.sel(quantile=list(model.LEVELS))
        return model.Statistics(
            mean=_column(found, "_mean")[:, 0],
            std=_column(found, "_std")[:, 0],
            quantiles=_column(kept, ""),
            exceedance=_column(found, "_exceedance")[:, 0],
        )

    return run
