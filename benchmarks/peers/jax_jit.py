"""JAX on the CPU: draws and statistics in one `jit`, float64. Most of its time is its
beta, which draws and rejects value by value.
"""

import jax
import jax.numpy as jnp
import model
import numpy as np
from jax import random

from peers import numpy_model

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")


def _sample(key, draws):
    keys = iter(random.split(key, len(model.UNCERTAIN)))
    drawn = {
        name: jnp.exp(own.middle + own.sigma * random.normal(next(keys), (draws,)))
        for name, own in model.LOGNORMALS.items()
    }
    for name, own in model.PERTS.items():
        shape = {"a": own.alpha, "b": own.beta, "shape": (draws,)}
        drawn[name] = own.low + own.span * random.beta(next(keys), **shape)
    low, high = model.PEAK
    drawn["peak_flops"] = random.uniform(next(keys), (draws,), minval=low, maxval=high)
    drawn["overhead"] = random.triangular(next(keys), *model.OVERHEAD, shape=(draws,))
    return [drawn[name] for name in model.UNCERTAIN]


def _outputs(inputs):
    training, first, change = numpy_model.parts(inputs)
    bills = [training, first]
    for _ in range(1, model.YEARS):
        bills.append(bills[-1] * change)
    return jnp.stack([*bills, sum(bills)])


def prepare(draws):
    @jax.jit
    def everything(key):
        outputs = _outputs(_sample(key, draws))
        return (
            outputs.mean(axis=1),
            outputs.std(axis=1),
            jnp.quantile(outputs, jnp.array(model.LEVELS), axis=1).T,
            (outputs > model.LIMIT).mean(axis=1),
        )

    def run(seed):
        return model.Statistics(*(np.asarray(found) for found in everything(random.key(seed))))

    return run
