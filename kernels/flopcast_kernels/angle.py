"""Sine and cosine of float64, of any size: the same bits on every processor.

The fast functions serve |x| up to `FAR`; the rows serve every x, by the digits of 1/pi beyond it.
The polynomial was fitted as those of :mod:`flopcast_kernels.elementary`.
"""

import math

import numpy as np

from flopcast_kernels.elementary import polynomial
from flopcast_kernels.jit import bits_float, float_bits, fma, inlined

FAR = 2.0**32  # the largest |x| of the fast sin and cos
_ROUND = 6755399441055744.0  # 1.5 * 2**52: added to |x| < 2**51 it rounds x to an integer
_INFINITY = math.inf
_NAN = math.nan
_FRACTION_BITS = 0x000FFFFFFFFFFFFF
_SIGN_BIT = -(1 << 63)
_PI, _PI_2, _PI_3 = 3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33
_INVERSE_PI = 0.3183098861837907

# fmt: off
# (sin(r) - r) / r**3 in r**2, on |r| <= pi / 2: 2.8e-19 of sin(r)
_SINE = (
    2.7211859504249616e-15, -7.642992596082879e-13, 1.605893975092071e-10, -2.505210687374846e-08,
    2.7557319211148164e-06, -0.00019841269841209286, 0.008333333333333194, -0.16666666666666666,
)
# fmt: on

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
def _sine(r, rest, sign):
    """Return sin(r + rest) for |r| <= pi / 2 and `rest` far below r, its sign bit flipped."""
    square = r * r
    slope = polynomial(square, _SINE)
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
