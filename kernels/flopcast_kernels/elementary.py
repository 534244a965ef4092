"""Elementary functions of float64: the same bits on every processor, and loops that vectorise.

Every public function takes and gives one float64, has no branch (choices become selects), calls no
library and rounds as written, so ``for i in range(n): out[i] = exp(x[i])`` is compiled to vector
instructions and gives the bits of the scalar loop. NaN comes out as the one positive quiet NaN.

The polynomials and quotients below were fitted for this file by the Remez exchange in 60 digits
(mpmath), with the relative error of the whole function as the weight, then rounded to float64.
Coefficients are written highest power first. Each comment gives what is fitted, the interval, and
the largest relative error of the fit before rounding.
"""

import math

import numpy as np

from flopcast_kernels.jit import bits_float, float_bits, fma, inlined

# Added to |x| < 2**51 it rounds x to an integer, which is then the low bits of the sum: the one
# way from a float to an integer here, so that no conversion can overflow.
_ROUND = 6755399441055744.0  # 1.5 * 2**52
_ROUND_TO_BIAS = _ROUND + 1023.0  # the same, and the sum's low bits are a float64's exponent
_TWO_52 = 4503599627370496.0
_INFINITY = math.inf
_NAN = math.nan

_ONE_BITS = 0x3FF0000000000000
_HALF_ROOT_BITS = 0x3FE6A09E667F3BCD  # sqrt(1/2)
_TWO_52_BITS = 0x4330000000000000
_FRACTION_BITS = 0x000FFFFFFFFFFFFF
_SIGN_BIT = -(1 << 63)

# Each constant is a sum of two or three float64. Those of ln 2 and log10 2 begin with 42 bits, so
# that their product with an exponent is exact.
_LN_2, _LN_2_REST = 0.6931471805598903, 5.497923018708371e-14
_LOG10_2, _LOG10_2_REST = 0.30102999566395283, 2.8363394551044964e-14
_LOG2_E, _LOG2_E_REST = 1.4426950408889634, 2.0355273740931033e-17
_LOG10_E, _LOG10_E_REST = 0.4342944819032518, 1.098319650216765e-17


_EXP_LIMIT = 1400.0  # far outside of the range of exp, and 2**(its half) is still a float64
_SMALLEST_NORMAL = 2.0**-1022

# fmt: off
# (exp(r) - 1 - r) / r**2 on |r| <= ln(2) / 2: 3.7e-18 of exp(r)
_EXP = (
    2.5000000374595062e-08, 2.76302339759017e-07, 2.755758664727358e-06, 2.4801493143589273e-05,
    0.0001984126950616972, 0.00138888889435805, 0.008333333333494682, 0.04166666666653038,
    0.16666666666666413, 0.5000000000000011,
)
# (log((1 + s) / (1 - s)) / s - 2) / s**2 in s**2, on |s| <= (sqrt(2) - 1)**2: 8.2e-21 of the log
_LOG = (
    0.1325092300541069, 0.13250167133022728, 0.15387088361224294, 0.18181775726200333,
    0.22222222645954798, 0.2857142856909208, 0.40000000000006225, 0.6666666666666666,
)
# fmt: on
@inlined
def horner(x, coefficients):
    """Return the polynomial by Horner's rule; the loop over the tuple is unrolled."""
    total = coefficients[0]
    for coefficient in coefficients[1:]:
        total = fma(total, x, coefficient)
    return total


@inlined
def polynomial(x, coefficients):
    """Return the polynomial as two shorter chains, of the even and of the odd powers."""
    square = x * x
    first = horner(square, coefficients[0::2])
    second = horner(square, coefficients[1::2])
    if len(coefficients) % 2 == 0:
        return fma(first, x, second)
    return fma(second, x, first)


@inlined
def exp_parts(high, low):
    """Return (y, n) with exp(high + low) = y * 2**n for |high| up to `_EXP_LIMIT`.

    The integer n + 1023 is the low bits of the n that is returned, as `scaled` wants it.
    """
    shifted = fma(high, _LOG2_E, _ROUND_TO_BIAS)
    n = shifted - _ROUND_TO_BIAS
    r = fma(n, -_LN_2, high) + fma(n, -_LN_2_REST, low)
    return 1.0 + fma(r * r, polynomial(r, _EXP), r), shifted


@inlined
def scaled(y, shifted):
    """Return y * 2**n with one rounding, in two steps so that neither leaves the range."""
    half = float_bits(fma(shifted - _ROUND_TO_BIAS, 0.5, _ROUND))
    rest = float_bits(shifted) - half
    return bits_float(float_bits(y) + (half << 52)) * bits_float(rest << 52)


@inlined
def _clamped(x):
    """Return `x` within the limits of `exp_parts`; NaN stays NaN."""
    x = _EXP_LIMIT if x > _EXP_LIMIT else x
    return -_EXP_LIMIT if x < -_EXP_LIMIT else x


@inlined
def exp(x):
    """Return e**x, within 1.1 units in the last place; subnormals too."""
    result = scaled(*exp_parts(_clamped(x), 0.0))
    return result if x == x else _NAN


@inlined
def _log_terms(x):
    """Return (k, f, s, half, inner) for 0 < x < infinity.

    With x = 2**k * (1 + f), s = f / (2 + f) and half = f**2 / 2 (rounded),
    log(1 + f) = f - f**2 / 2 + s * inner.
    """
    subnormal = x < _SMALLEST_NORMAL
    bits = float_bits(x * (2.0**54 if subnormal else 1.0)) + (_ONE_BITS - _HALF_ROOT_BITS)
    bias = _TWO_52 + (1077.0 if subnormal else 1023.0)
    k = bits_float(((bits >> 52) & 0x7FF) | _TWO_52_BITS) - bias
    f = bits_float((bits & _FRACTION_BITS) + _HALF_ROOT_BITS) - 1.0
    s = f / (2.0 + f)
    square = s * s
    half = f * (0.5 * f)
    return k, f, s, half, fma(square, polynomial(square, _LOG), half)


@inlined
def log_positive(x):
    """Return log(x) for 0 < x < infinity."""
    k, f, s, half, inner = _log_terms(x)
    return k * _LN_2 + (f - (half - fma(k, _LN_2_REST, s * inner)))


@inlined
def _log_parts(f, s, half, inner):
    """Return log(1 + f) of `_log_terms` as a sum of two float64, which overlap."""
    high = f - half
    lost = fma(0.5 * f, f, -half)
    return high, ((f - high) - half) + fma(s, inner, -lost)


@inlined
def _joined(k, unit, unit_rest, high, low):
    """Return k * (unit + unit_rest) + high + low as a sum of two float64; k * unit is exact."""
    base = k * unit
    total = base + high
    return total, ((base - total) + high) + fma(k, unit_rest, low)


@inlined
def _in_base(high, low, factor, factor_rest):
    """Return (high + low) * (factor + factor_rest) as a sum of two float64."""
    product = high * factor
    return product, fma(high, factor, -product) + fma(high, factor_rest, low * factor)


@inlined
def _log_limits(x, result):
    """Return the logarithm `result`, or what it is at and beyond the ends of its domain."""
    result = result if x < _INFINITY else _INFINITY
    outside = -_INFINITY if x == 0.0 else _NAN
    return result if x > 0.0 else outside


@inlined
def log(x):
    """Return the natural logarithm, within 0.9 units in the last place."""
    return _log_limits(x, log_positive(x))


@inlined
def log2(x):
    """Return the logarithm to base 2, within 0.7 units in the last place."""
    k, f, s, half, inner = _log_terms(x)
    high, low = _in_base(*_log_parts(f, s, half, inner), _LOG2_E, _LOG2_E_REST)
    total, rest = _joined(k, 1.0, 0.0, high, low)
    return _log_limits(x, total + rest)


@inlined
def log10(x):
    """Return the logarithm to base 10, within 0.7 units in the last place."""
    k, f, s, half, inner = _log_terms(x)
    high, low = _in_base(*_log_parts(f, s, half, inner), _LOG10_E, _LOG10_E_REST)
    total, rest = _joined(k, _LOG10_2, _LOG10_2_REST, high, low)
    return _log_limits(x, total + rest)


@inlined
def _quotient_rest(f, s):
    """Return f / (2 + f) - s, for s = f / (2 + f) rounded: 1 / (2 + f) is (1 - s) / 2."""
    divisor = 2.0 + f
    divisor_rest = f - (divisor - 2.0)
    return fma(-s, divisor_rest, fma(-s, divisor, f)) * fma(-0.5, s, 0.5)


@inlined
def _log_sum(x):
    """Return log(x) as a sum of two float64, the second far below the first, for x >= 0.

    The error is that of `inner` alone, at most 1e-17 of the logarithm.
    """
    k, f, s, half, inner = _log_terms(x)
    high = f - half
    lost = fma(0.5 * f, f, -half)
    product = s * inner
    product_rest = fma(s, inner, -product) + fma(_quotient_rest(f, s), inner, fma(s, lost, -lost))
    both = high + product
    low = ((f - high) - half) + ((high - both) + product) + product_rest
    total, rest = _joined(k, _LN_2, _LN_2_REST, both, low)
    total = -_INFINITY if x == 0.0 else total
    return (_INFINITY if x == _INFINITY else total), rest


@inlined
def power(x, y):
    """Return x**y with the special values of C99; exact for y = 1, rounded once for y = 2.

    The relative error grows with |y * log(x)|, from 2e-16 to at most 8e-15 where it is 709.
    """
    size = abs(x)
    log_high, log_low = _log_sum(size)
    high = y * log_high
    low = fma(y, log_high, -high) + y * log_low
    low = low if abs(high) < _EXP_LIMIT else 0.0
    result = scaled(*exp_parts(_clamped(high), low))
    result = result if size != 1.0 else 1.0
    whole = np.floor(y) == y
    odd = whole & (np.floor(0.5 * y) != 0.5 * y)
    result = bits_float(float_bits(result) | (float_bits(x) & (_SIGN_BIT if odd else 0)))
    result = x * x if y == 2.0 else result
    result = x if y == 1.0 else result
    # Asked of the logarithm, not of x: LLVM makes slower integer tests of x, 5 %.
    defined = whole | (float_bits(x) >= 0) | (abs(log_high) == _INFINITY)
    result = result if defined & (x == x) & (y == y) else _NAN
    return 1.0 if (y == 0.0) | (x == 1.0) else result
