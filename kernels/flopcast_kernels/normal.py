"""The normal distribution's cdf and quantile, by signed tails: the same bits on every processor.

The quotients were fitted as the polynomials of :mod:`flopcast_kernels.elementary`.
"""

import math

from flopcast_kernels.elementary import exp_parts, horner, log_positive, polynomial, scaled
from flopcast_kernels.jit import bits_float, float_bits, fma, inlined

_INFINITY = math.inf
_NAN = math.nan
_SIGN_BIT = -(1 << 63)

# fmt: off
# Mills' ratio / sqrt(2 pi) = exp(a**2 / 2) * (1 - Phi(a)) on 0 <= a <= 40, a quotient: 9.7e-19
_TAIL_ABOVE = (
    2.262662551335219e-07, 7.031024193541762e-06, 0.00010728815343496754, 0.0010456177904933236,
    0.007156654847568822, 0.03580632984953466, 0.13245320332866312, 0.35817435948714615,
    0.680683130154918, 0.8286124694342467, 0.5,
)
_TAIL_BELOW = (
    5.671653927124418e-07, 1.7624164043173725e-05, 0.0002694986843228192, 0.002638599282342179,
    0.01820687057229976, 0.0923388858803421, 0.3494178195951651, 0.9824975629693228,
    2.004997580522336, 2.8202602251780524, 2.4551094996713587, 1.0,
)
# z / q of the normal quantile in q**2, q = 1/2 - tail, on tail >= 0.15, a quotient: 3.1e-18
_MIDDLE_ABOVE = (
    8.957345426597366, -125.09989335518712, 320.73154958862716, -315.3316459706909,
    143.98842063855207, -30.838358517894278, 2.5066282746310007,
)
_MIDDLE_BELOW = (
    18.50878077479807, -116.7252412551397, 215.34085551673436, -173.68842816751263,
    69.12016746594745, -13.34992262216228, 1.0,
)
# z of the normal quantile in sqrt(-log(tail)), on 2**-1074 <= tail <= 0.15, a quotient: 2.1e-17
_OUTER_ABOVE = (
    6.68391919243806e-06, 0.0012159701056063225, 0.06171922096111739, 1.2076457583297469,
    10.39785949716864, 42.8900481944106, 92.47530423356578, 101.05370699546822, 2.424293245689526,
    -91.26995315917726, -45.047491358572984, -3.630192510558676,
)
_OUTER_BELOW = (
    4.726237355188325e-06, 0.0008598273213592233, 0.043659474444934517, 0.8564046845750624,
    7.454728224922044, 31.965235427673647, 76.85777140740413, 110.82620822525699,
    78.79342367861564, 19.823527065971845, 1.0,
)
# fmt: on
_MIDDLE = 0.15


@inlined
def normal_tail(z):
    """Return the signed tail of the standard normal cdf: Phi(z) below 0, -Phi(-z) from 0 on.

    The relative error is at most 2e-15, to where the tail is subnormal (|z| above 37.5).
    """
    size = abs(z)
    size = 40.0 if size > 40.0 else size
    square = size * size
    y, shifted = exp_parts(-0.5 * square, -0.5 * fma(size, size, -square))
    ratio = polynomial(size, _TAIL_ABOVE) / polynomial(size, _TAIL_BELOW)
    tail = scaled(y * ratio, shifted)
    tail = -tail if z >= 0.0 else tail
    return tail if z == z else _NAN


@inlined
def normal_quantile(tail):
    """Return z with ``normal_tail(z) == tail``, for a signed tail from -1/2 to 1/2.

    The relative error is at most 5e-15, for every float64 in the domain. A tail of 0 gives minus
    infinity, -0 plus infinity, and |tail| above 1/2 NaN.
    """
    size = abs(tail)
    middle = 0.5 - size
    square = middle * middle
    root = math.sqrt(-log_positive(size))
    above = polynomial(root, _OUTER_ABOVE)
    below = polynomial(root, _OUTER_BELOW)
    above = middle * horner(square, _MIDDLE_ABOVE) if size > _MIDDLE else above
    below = horner(square, _MIDDLE_BELOW) if size > _MIDDLE else below
    z = above / below
    z = z if size > 0.0 else _INFINITY
    z = bits_float(float_bits(z) | (~float_bits(tail) & _SIGN_BIT))
    return z if size <= 0.5 else _NAN
