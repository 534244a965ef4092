"""The elementary functions over whole arrays, for what is computed once, before the draws."""

from flopcast_kernels import elementary, normal
from flopcast_kernels.jit import inlined, kernel


@kernel
def exp_row(x, out):
    """Write ``e**x`` of each value."""
    for i in range(x.size):
        out[i] = elementary.exp(x[i])


@kernel
def log_row(x, out):
    """Write the natural logarithm of each value."""
    for i in range(x.size):
        out[i] = elementary.log(x[i])


@kernel
def power_row(x, exponent, out):
    """Write each value to the power of `exponent`."""
    for i in range(x.size):
        out[i] = elementary.power(x[i], exponent)


@kernel
def normal_quantile_row(tail, out):
    """Write the standard normal value of each signed tail."""
    for i in range(tail.size):
        out[i] = normal.normal_quantile(tail[i])


@kernel
def normal_tail_row(x, out):
    """Write the signed tail of the standard normal distribution at each value."""
    for i in range(x.size):
        out[i] = normal.normal_tail(x[i])


@kernel
def log1p_row(x, out):
    """Write ``log(1 + x)`` of each value above -1, accurate for small ones too."""
    for i in range(x.size):
        out[i] = _log1p(x[i])


@kernel
def expm1_row(x, out):
    """Write ``e**x - 1`` of each value, accurate for small ones too."""
    for i in range(x.size):
        out[i] = _expm1(x[i])


@inlined
def _log1p(x):
    # The rounding of 1 + x is taken out again by the quotient (Goldberg, 1991, theorem 4).
    y = 1.0 + x
    return x if y == 1.0 else elementary.log(y) * (x / (y - 1.0))


@inlined
def _expm1(x):
    # The same idea, after Kahan: the logarithm of the rounded y tells by how much it is off.
    y = elementary.exp(x)
    if y == 1.0:
        return x
    return y - 1.0 if abs(x) > 1.0 else (y - 1.0) * (x / elementary.log(y))
