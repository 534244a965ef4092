"""The `budget` model in NumPy: what the peers that call NumPy share."""

import model
import numpy as np


def sample(rng, size):
    """Return ten arrays of draws, in the order of ``model.UNCERTAIN``."""
    drawn = {
        # not rng.lognormal, whose exponential is not vectorised
        name: np.exp(own.middle + own.sigma * rng.standard_normal(size))
        for name, own in model.LOGNORMALS.items()
    }
    for name, own in model.PERTS.items():
        drawn[name] = own.low + own.span * rng.beta(own.alpha, own.beta, size)
    drawn["peak_flops"] = rng.uniform(*model.PEAK, size)
    drawn["overhead"] = rng.triangular(*model.OVERHEAD, size)
    return [drawn[name] for name in model.UNCERTAIN]


def parts(inputs):
    """Return the training bill, the first year's, and the factor from year to year."""
    parameters, tokens, price, rate, growth, training, decline, serving, peak, overhead = inputs
    common = parameters * price * overhead / peak
    return (
        model.TRAINING_FACTOR * common * tokens / training,
        model.SERVING_FACTOR * common * rate / serving,
        growth * (1.0 - decline),
    )


def evaluate(inputs):
    """Return the eight outputs, (8, size), of ten arrays."""
    outputs = np.empty((len(model.OUTPUTS), len(inputs[0])))
    outputs[0], outputs[1], change = parts(inputs)
    for year in range(1, model.YEARS):
        np.multiply(outputs[year], change, out=outputs[1 + year])
    outputs[-1] = outputs[:-1].sum(axis=0)
    return outputs


def all_bills(inputs):
    """Return the last output alone, of (10, size)."""
    return evaluate(inputs)[-1]


def statistics_of(outputs):
    """Return what everybody reports, of (8, size)."""
    return model.Statistics(
        mean=outputs.mean(axis=1),
        std=outputs.std(axis=1),
        quantiles=np.quantile(outputs, model.LEVELS, axis=1).T,
        exceedance=(outputs > model.LIMIT).mean(axis=1),
    )
