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
_PI, _PI_2, _PI_3 = 3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33
_INVERSE_PI = 0.3183098861837907

_EXP_LIMIT = 1400.0  # far outside of the range of exp, and 2**(its half) is still a float64
_SMALLEST_NORMAL = 2.0**-1022
FAR = 2.0**32  # the largest |x| of the fast sin and cos

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
# (sin(r) - r) / r**3 in r**2, on |r| <= pi / 2: 2.8e-19 of sin(r)
_SINE = (
    2.7211859504249616e-15, -7.642992596082879e-13, 1.605893975092071e-10, -2.505210687374846e-08,
    2.7557319211148164e-06, -0.00019841269841209286, 0.008333333333333194, -0.16666666666666666,
)
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

# floor(2**1200 / pi), cut into 24-bit limbs, most significant first, after one limb of zeros
_INVERSE_PI_DIGITS = (
    "0x517cc1b727220a94fe13abe8fa9a6ee06db14acc9e21c820ff28b1d5ef5de2b0db92371d2126e9700324977504"
    "e8c90e7f0ef58e5894d39f74411afa975da24274ce38135a2fbf209cc8eb1cc1a99cfa4e422fc5defc941d8ffc4b"
    "ffef02cc07f79788c5ad05368fb69b3f6793e584dba7a31fb34f2ff516ba93dd63f5f2f8bd9e839cfbc529497535"
    "fdafd88fc6ae842b0198237e3d"
)
_LIMB_BITS = 24
_LIMB = (1 << _LIMB_BITS) - 1
_INVERSE_PI_LIMBS = np.array(
    [(int(_INVERSE_PI_DIGITS, 16) >> shift) & _LIMB for shift in range(1200, -1, -_LIMB_BITS)],
    dtype=np.int64,
)


@inlined
def _horner(x, coefficients):
    """Return the polynomial by Horner's rule; the loop over the tuple is unrolled."""
    total = coefficients[0]
    for coefficient in coefficients[1:]:
        total = fma(total, x, coefficient)
    return total


@inlined
def _polynomial(x, coefficients):
    """Return the polynomial as two shorter chains, of the even and of the odd powers."""
    square = x * x
    first = _horner(square, coefficients[0::2])
    second = _horner(square, coefficients[1::2])
    if len(coefficients) % 2 == 0:
        return fma(first, x, second)
    return fma(second, x, first)


@inlined
def _exp_parts(high, low):
    """Return (y, n) with exp(high + low) = y * 2**n for |high| up to `_EXP_LIMIT`.

    The integer n + 1023 is the low bits of the n that is returned, as `_scaled` wants it.
    """
    shifted = fma(high, _LOG2_E, _ROUND_TO_BIAS)
    n = shifted - _ROUND_TO_BIAS
    r = fma(n, -_LN_2, high) + fma(n, -_LN_2_REST, low)
    return 1.0 + fma(r * r, _polynomial(r, _EXP), r), shifted


@inlined
def _scaled(y, shifted):
    """Return y * 2**n with one rounding, in two steps so that neither leaves the range."""
    half = float_bits(fma(shifted - _ROUND_TO_BIAS, 0.5, _ROUND))
    rest = float_bits(shifted) - half
    return bits_float(float_bits(y) + (half << 52)) * bits_float(rest << 52)


@inlined
def _clamped(x):
    """Return `x` within the limits of `_exp_parts`; NaN stays NaN."""
    x = _EXP_LIMIT if x > _EXP_LIMIT else x
    return -_EXP_LIMIT if x < -_EXP_LIMIT else x


@inlined
def exp(x):
    """Return e**x, within 1.1 units in the last place; subnormals too."""
    result = _scaled(*_exp_parts(_clamped(x), 0.0))
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
    return k, f, s, half, fma(square, _polynomial(square, _LOG), half)


@inlined
def _log_positive(x):
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
    return _log_limits(x, _log_positive(x))


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
    result = _scaled(*_exp_parts(_clamped(high), low))
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


@inlined
def _sine(r, rest, sign):
    """Return sin(r + rest) for |r| <= pi / 2 and `rest` far below r, its sign bit flipped."""
    square = r * r
    slope = _polynomial(square, _SINE)
    bend = square * slope
    bend_rest = fma(fma(r, r, -square), slope, fma(square, slope, -bend))
    correction = fma(r, bend_rest, fma(-0.5 * square, rest, rest))
    result = r + fma(r, bend, correction)
    return bits_float(float_bits(result) ^ sign)


@inlined
def _reduced(x, n):
    """Return x - n * pi as a sum of two float64, for x up to `FAR`."""
    exact = fma(n, -_PI, x)
    product = n * _PI_2
    r = exact - product
    back = r - exact
    lost = (exact - (r - back)) - (product + back)
    return r, lost - fma(n, _PI_3, fma(n, _PI_2, -product))


@inlined
def sin(x):
    """Return the sine for |x| up to `FAR`, within 1.8 units in the last place.

    Beyond `FAR` it is NaN: `sin_row` takes every x.
    """
    size = abs(x)
    shifted = fma(size, _INVERSE_PI, _ROUND)
    r, rest = _reduced(size, shifted - _ROUND)
    result = _sine(r, rest, (float_bits(shifted) << 63) ^ (float_bits(x) & _SIGN_BIT))
    return result if size <= FAR else _NAN


@inlined
def cos(x):
    """Return the cosine for |x| up to `FAR`, within 1.8 units in the last place.

    Beyond `FAR` it is NaN: `cos_row` takes every x.
    """
    size = abs(x)
    shifted = fma(size, _INVERSE_PI, 0.5) + _ROUND
    r, rest = _reduced(size, shifted - _ROUND - 0.5)
    result = _sine(r, rest, float_bits(shifted) << 63)
    return result if size <= FAR else _NAN


@inlined
def normal_tail(z):
    """Return the signed tail of the standard normal cdf: Phi(z) below 0, -Phi(-z) from 0 on.

    The relative error is at most 2e-15, to where the tail is subnormal (|z| above 37.5).
    """
    size = abs(z)
    size = 40.0 if size > 40.0 else size
    square = size * size
    y, shifted = _exp_parts(-0.5 * square, -0.5 * fma(size, size, -square))
    ratio = _polynomial(size, _TAIL_ABOVE) / _polynomial(size, _TAIL_BELOW)
    tail = _scaled(y * ratio, shifted)
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
    root = math.sqrt(-_log_positive(size))
    above = _polynomial(root, _OUTER_ABOVE)
    below = _polynomial(root, _OUTER_BELOW)
    above = middle * _horner(square, _MIDDLE_ABOVE) if size > _MIDDLE else above
    below = _horner(square, _MIDDLE_BELOW) if size > _MIDDLE else below
    z = above / below
    z = z if size > 0.0 else _INFINITY
    z = bits_float(float_bits(z) | (~float_bits(tail) & _SIGN_BIT))
    return z if size <= 0.5 else _NAN


@inlined
def _far_parts(size, quarter):
    """Return (r, rest, parity): size + quarter * pi / 2 less the nearest multiple of pi.

    `size` is m * 2**e with whole m. The digits of 1/pi that give multiples of 2 with m * 2**e are
    left out and the next 192 multiplied by m, after M. Payne and R. Hanek (1983), "Radian reduction
    for trigonometric functions", SIGNUM Newsletter 18(1), 19-24.
    """
    bits = float_bits(size)
    first = (bits >> 52) - 1075 + 23  # of the digits, counted with the limb of zeros in front
    word, shift = first // _LIMB_BITS, first % _LIMB_BITS
    m = (bits & _FRACTION_BITS) | (1 << 52)
    upper, lower = m >> _LIMB_BITS, m & _LIMB
    carry = before = a = b = c = d = e = f = 0
    for i in range(word + 7, word - 1, -1):
        pair = (_INVERSE_PI_LIMBS[i] << _LIMB_BITS) | _INVERSE_PI_LIMBS[i + 1]
        limb = (pair >> (_LIMB_BITS - shift)) & _LIMB
        carry += limb * lower + before * upper
        before = limb
        a, b, c, d, e, f = carry & _LIMB, a, b, c, d, e
        carry >>= _LIMB_BITS
    a += (1 + quarter) << 22
    parity = (a >> 23) & 1
    a = (a & ((1 << 23) - 1)) - (1 << 22)
    flip = -1 if a < 0 else 0  # the magnitude first: the parts of a negative sum would cancel
    a, b, c = a ^ flip, b ^ (flip & _LIMB), c ^ (flip & _LIMB)
    d, e, f = d ^ (flip & _LIMB), e ^ (flip & _LIMB), f ^ (flip & _LIMB)
    high = float((a << _LIMB_BITS) | b) * 2.0**-47
    middle = float((c << _LIMB_BITS) | d) * 2.0**-95
    turn = high + middle
    turn_rest = ((high - turn) + middle) + float((e << _LIMB_BITS) | f) * 2.0**-143
    r = turn * _PI
    rest = fma(turn, _PI, -r) + fma(turn, _PI_2, turn_rest * _PI)
    return r, rest, parity ^ (flip & 1)


@inlined
def _any_far(x):
    """Return whether a finite element of the row is beyond `FAR`."""
    count = 0
    for i in range(x.shape[0]):
        count += (abs(x[i]) > FAR) & (abs(x[i]) < _INFINITY)
    return count > 0


@inlined
def _sin_anywhere(x):
    """Return the sine of every x; the branch keeps a loop from being vectorised."""
    size = abs(x)
    if not FAR < size < _INFINITY:
        return sin(x)
    r, rest, parity = _far_parts(size, 0)
    return _sine(r, rest, (parity << 63) ^ (float_bits(x) & _SIGN_BIT))


@inlined
def _cos_anywhere(x):
    """Return the cosine of every x; the branch keeps a loop from being vectorised."""
    size = abs(x)
    if not FAR < size < _INFINITY:
        return cos(x)
    r, rest, parity = _far_parts(size, 1)
    return _sine(r, rest, parity << 63)


@inlined
def sin_row(x, out):
    """Write the sine of each element of `x` to `out` (n,), which may be `x`."""
    if _any_far(x):
        for i in range(x.shape[0]):
            out[i] = _sin_anywhere(x[i])
    else:
        for i in range(x.shape[0]):
            out[i] = sin(x[i])


@inlined
def cos_row(x, out):
    """Write the cosine of each element of `x` to `out` (n,), which may be `x`."""
    if _any_far(x):
        for i in range(x.shape[0]):
            out[i] = _cos_anywhere(x[i])
    else:
        for i in range(x.shape[0]):
            out[i] = cos(x[i])
