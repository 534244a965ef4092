"""flopcast's Sobol' points: a block of a coordinate at a time, as the engine reads them."""

from peers.engine_parts import sobol_points

DIMENSIONS = 10


def prepare(coordinates):
    return sobol_points(DIMENSIONS, coordinates // DIMENSIONS)
