"""NumPy in chunks that stay in the cache: 2^14 draws at a time, moments and exceedances on the way.

The outputs are kept, and sorted for their quantiles: NumPy's vectorised sort takes less than its
partition. On threads, since generators, functions of arrays and sorts release the lock.
"""

from concurrent.futures import ThreadPoolExecutor

import machine
import model
import numpy as np

from peers import numpy_model

CHUNK = 1 << 14


def _sums(outputs):
    return [
        outputs.sum(axis=1),
        np.square(outputs).sum(axis=1),
        (outputs > model.LIMIT).sum(axis=1),
    ]


def _quantiles(row):
    row.sort()
    places = np.multiply(model.LEVELS, row.size - 1)
    below = places.astype(int)
    return row[below] + (places - below) * (row[below + 1] - row[below])


def prepare(draws, threads=None):
    pool = ThreadPoolExecutor(threads or machine.cores())

    def run(seed):
        kept = np.empty((len(model.OUTPUTS), draws))
        starts = range(0, draws, CHUNK)
        streams = np.random.SeedSequence(seed).spawn(len(starts))

        def chunk(start, stream):
            size = min(CHUNK, draws - start)
            inputs = numpy_model.sample(np.random.Generator(np.random.SFC64(stream)), size)
            outputs = numpy_model.evaluate(inputs)
            kept[:, start : start + size] = outputs
            return _sums(outputs)

        mean, squares, above = np.sum(list(pool.map(chunk, starts, streams)), axis=0) / draws
        quantiles = np.array(list(pool.map(_quantiles, kept)))
        return model.Statistics(mean, np.sqrt(squares - mean**2), quantiles, above)

    return run
