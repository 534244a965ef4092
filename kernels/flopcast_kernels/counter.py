"""Uniforms by address: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC11).

A block of random bits is a pure function of a counter and a key, so any draw of any input can be
made again without the ones before it.
"""

import numpy as np

from flopcast_kernels.jit import inlined, kernel
from flopcast_kernels.vectors import philox_eight

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_WORD = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)
_ROUNDS = 10
_LATTICE = 2.0**-32


@inlined
def philox(c0, c1, c2, c3, k0, k1):
    """Return the four 32-bit words of a counter and a key.

    All arguments and results are uint64 that hold 32-bit words: a 32 x 32 bit product is then one
    vector instruction.
    """
    for _ in range(_ROUNDS):
        p0 = _MULTIPLIER_0 * c0
        p1 = _MULTIPLIER_1 * c2
        c0 = (p1 >> _HIGH) ^ c1 ^ k0
        c1 = p1 & _WORD
        c2 = (p0 >> _HIGH) ^ c3 ^ k1
        c3 = p0 & _WORD
        k0 = (k0 + _WEYL_0) & _WORD
        k1 = (k1 + _WEYL_1) & _WORD
    return c0, c1, c2, c3


@inlined
def signed_tail(word):
    """Return the signed tail of the uniform ``u = (word + 0.5) / 2**32``.

    It is u below one half and u - 1 above, so its magnitude is min(u, 1 - u) without rounding,
    and both tails are equally fine.
    """
    return (np.float64(np.int32(word)) + 0.5) * _LATTICE


@inlined
def fill_words(words, points, first, replicate, stream, seed):
    """Write the words of `points` consecutive points of one input.

    One call of :func:`philox` serves four consecutive points, one of the kernel eight calls.

    Parameters
    ----------
    words : (>= 32 and points,) uint32
    points, first : int
        How many points, and the first one's number (a multiple of four).
    replicate : int
    stream, seed : uint64
        The input's own 64 bits (a hash of its name) and the run's.
    """
    start = np.uint64(first // 4)
    c1 = np.uint64(replicate)
    c2 = stream & _WORD
    c3 = stream >> _HIGH
    k0 = seed & _WORD
    k1 = seed >> _HIGH
    for i in range(np.uint64(0), np.uint64(points), np.uint64(32)):
        philox_eight(words, i, start + i // np.uint64(4), c1, c2, c3, k0, k1)


@inlined
def fill_random(rows, out, words, points, first, replicate, stream, seed):
    """Write the signed tails of consecutive points of one input into a row; see `fill_words`."""
    fill_words(words, points, first, replicate, stream, seed)
    for i in range(np.uint64(points)):
        rows[out + i] = signed_tail(words[i])


@kernel
def philox_words(counters, keys, words):
    """Write the words of many counters, for tests and tools.

    Parameters
    ----------
    counters, words : (n, 4) uint64
        32-bit words in 64-bit places.
    keys : (n, 2) uint64
    """
    for i in range(counters.shape[0]):
        c = counters[i]
        w = philox(c[0], c[1], c[2], c[3], keys[i, 0], keys[i, 1])
        words[i, 0], words[i, 1], words[i, 2], words[i, 3] = w
