"""Scrambled Sobol' points by index, a block at a time.

The points come in natural order, so an aligned block of 2**k points is one base word and the
2**k combinations of the first k direction numbers: one XOR a coordinate, from any block.
The scramble is a random linear matrix and a digital shift (Matousek 1998), which keeps that.
"""

import numpy as np

from flopcast_kernels.counter import philox, signed_tail
from flopcast_kernels.jit import allocating_kernel, inlined, kernel

BITS = 32
SHIFT = BITS  # the place of the digital shift behind the directions of a coordinate
_SCRAMBLE = np.uint64(0x536F626F)  # keeps the scramble's counters apart from those of the inputs
_WORD = np.uint64(0xFFFFFFFF)


@kernel
def direction_numbers(polynomials, initial, directions):
    """Continue Joe and Kuo's initial numbers by the recurrence of each coordinate's polynomial.

    Parameters
    ----------
    polynomials : (d,) uint32
        Primitive polynomials, the highest power in the highest bit; that of the first coordinate
        is not used.
    initial : (d, m) uint32
    directions : (d, 32) uint32
        Filled, the first digit in the highest bit.
    """
    for d in range(directions.shape[0]):
        degree = 0
        while d > 0 and polynomials[d] >> np.uint32(degree + 1):
            degree += 1
        for j in range(BITS):
            if d == 0 or j < degree:
                number = initial[d, j] if d > 0 else np.uint32(1)
            else:
                number = directions[d, j - degree]
                for k in range(degree):
                    if (polynomials[d] >> np.uint32(degree - 1 - k)) & np.uint32(1):
                        number ^= directions[d, j - k - 1] << np.uint32(k + 1)
            directions[d, j] = number
        for j in range(BITS):
            directions[d, j] <<= np.uint32(BITS - 1 - j)


@inlined
def _parity(word):
    word ^= word >> np.uint32(16)
    word ^= word >> np.uint32(8)
    word ^= word >> np.uint32(4)
    word ^= word >> np.uint32(2)
    word ^= word >> np.uint32(1)
    return word & np.uint32(1)


@inlined
def _scramble_words(words, dimension, replicate, seed):
    """Fill the random words of one coordinate's scramble: 32 matrix rows and the shift."""
    for call in range(BITS // 4 + 1):
        w = philox(
            np.uint64(call),
            np.uint64(replicate),
            np.uint64(dimension),
            _SCRAMBLE,
            seed & _WORD,
            seed >> np.uint64(BITS),
        )
        for k in range(4):
            words[4 * call + k] = np.uint32(w[k])


@allocating_kernel
def scramble(directions, seed, scrambled):
    """Scramble the direction numbers of every replicate and coordinate.

    Parameters
    ----------
    directions : (d, 32) uint32
        Joe and Kuo's direction numbers, the first digit in the highest bit.
    seed : uint64
    scrambled : (replicates, d, 33) uint32
        Filled: the scrambled directions and, last, the digital shift.
    """
    words = np.empty(BITS + 4, np.uint32)
    top = np.uint32(0x80000000)
    for replicate in range(scrambled.shape[0]):
        for dimension in range(directions.shape[0]):
            _scramble_words(words, dimension, replicate, seed)
            scrambled[replicate, dimension, SHIFT] = words[SHIFT]
            for k in range(BITS):
                number = np.uint32(0)
                for row in range(BITS):
                    digit = top >> np.uint32(row)
                    above = ~(digit | (digit - np.uint32(1)))
                    mask = (words[row] & above) | digit
                    number |= _parity(mask & directions[dimension, k]) * digit
                scrambled[replicate, dimension, k] = number


@inlined
def base_word(directions, first):
    """Return the word of a point of one coordinate."""
    word = directions[SHIFT]
    for k in range(BITS):
        if (first >> k) & 1:
            word ^= directions[k]
    return word


@inlined
def fill_sobol(rows, out, words, points, first, directions):
    """Write the signed tails of an aligned block of one coordinate into a row.

    Parameters
    ----------
    rows : (n,) float64
    out : uint64
        Where the row starts.
    words : (>= points,) uint32
        Scratch.
    points, first : int
        A power of two, and a multiple of it.
    directions : (33,) uint32
        One coordinate of one replicate, from :func:`scramble`.
    """
    words[0] = base_word(directions, first)
    half = np.uint64(1)
    k = 0
    while half < np.uint64(points):
        number = directions[k]
        for j in range(half):
            words[half + j] = words[j] ^ number
        half *= np.uint64(2)
        k += 1
    for j in range(np.uint64(points)):
        rows[out + j] = signed_tail(words[j])
