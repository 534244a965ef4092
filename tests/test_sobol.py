"""Scrambled Sobol' points: SciPy's points without the scramble, and the laws of the scramble."""

import importlib.resources
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import qmc

import flopcast
from flopcast.layout import evaluate
from flopcast.lowering import lower
from flopcast.plan import make_plan
from flopcast.tables import pack
from flopcast_kernels import program as kernels
from flopcast_kernels import sobol
from flopcast_kernels.program import BLOCK, REPLICATES

DIMENSIONS = 1100
NO_TABLES = pack(())


@pytest.fixture(scope="module")
def joe_kuo():
    """Return (DIMENSIONS, 32) direction numbers."""
    return qmc.Sobol(DIMENSIONS, scramble=False, bits=32)._sv.astype(np.uint32)


@pytest.fixture(scope="module")
def scrambled(joe_kuo):
    """Return the scrambled directions of all replicates, 64 coordinates, seed 3."""
    return scramble(joe_kuo[:64], 3)


def scramble(directions, seed):
    result = np.empty((REPLICATES, len(directions), sobol.BITS + 1), np.uint32)
    sobol.scramble(np.ascontiguousarray(directions), np.uint64(seed), result)
    return result


def unscrambled(directions):
    """Return directions that are their own scramble: every replicate the same, no shift."""
    shift = np.zeros((len(directions), 1), np.uint32)
    return np.repeat(np.hstack([directions, shift])[None], REPLICATES, axis=0)


def points_of(directions, coordinates, points=BLOCK, first=0, replicate=0):
    """Return (points, coordinates) 32-bit words as the interpreter draws them."""
    streams = kernels.Streams(
        coordinates=np.array(coordinates, np.int64),
        names=np.zeros(len(coordinates), np.uint64),
        sobol=directions,
        seed=np.array([0], np.uint64),
    )
    nodes = [(kernels.DRAW, k) for k in range(len(coordinates))]
    code = lower(nodes, range(len(coordinates)), len(coordinates))
    tails = evaluate(code, streams, NO_TABLES, replicate, first, points)
    return np.floor(np.where(tails > 0, tails, 1 + tails) * 2.0**32).astype(np.uint32).T


def many_points(directions, coordinates, blocks, replicate=0, start=0):
    firsts = range(start, start + blocks * BLOCK, BLOCK)
    return np.vstack([points_of(directions, coordinates, BLOCK, k, replicate) for k in firsts])


def uniforms(words):
    return (words + 0.5) / 2.0**32


def test_direction_numbers_follow_the_recurrence(joe_kuo):
    """The plan reads the polynomials and the first numbers from the file that SciPy ships."""
    file = importlib.resources.files("scipy") / "stats" / "_sobol_direction_numbers.npz"
    with importlib.resources.as_file(file) as path, np.load(path) as numbers:
        polynomials, initial = (
            numbers[k][:DIMENSIONS].astype(np.uint32) for k in ("poly", "vinit")
        )
    got = np.empty((DIMENSIONS, sobol.BITS), np.uint32)
    sobol.direction_numbers(polynomials, initial, got)
    np.testing.assert_array_equal(got, joe_kuo)


def test_a_plan_uses_these_numbers_in_the_order_of_the_inputs(joe_kuo):
    uniform = {"distribution": "uniform", "low": 0.0, "high": 1.0}
    names = [f"x{k}" for k in range(9)]
    equations = {"y": {"expression": " + ".join(names), "unit": "1"}}
    inputs = dict.fromkeys(names, uniform)
    scenario = {"name": "sum", "outputs": ["y"], "inputs": inputs, "equations": equations}
    streams = make_plan(flopcast.load(scenario), 16, 3, "sobol").streams
    np.testing.assert_array_equal(streams.sobol, scramble(joe_kuo[:9], 3))
    np.testing.assert_array_equal(streams.coordinates, np.arange(9))


def test_without_scramble_the_points_are_those_of_scipy(joe_kuo):
    """SciPy's point i is the one of natural order whose number is the Gray code of i."""
    plain = unscrambled(joe_kuo)
    got = np.vstack([points_of(plain, range(DIMENSIONS), BLOCK, first) for first in (0, BLOCK)])
    number = np.arange(2 * BLOCK)
    wanted = qmc.Sobol(DIMENSIONS, scramble=False, bits=32).random(2 * BLOCK) * 2.0**32
    np.testing.assert_array_equal(got[number ^ number >> 1], wanted.astype(np.uint32))


@pytest.mark.parametrize("first", [1 << 16, (1 << 20) + 3 * BLOCK, (1 << 22) - BLOCK])
def test_far_points_are_those_of_scipy(joe_kuo, first):
    generator = qmc.Sobol(20, scramble=False, bits=32).fast_forward(first)
    wanted = (generator.random(BLOCK) * 2.0**32).astype(np.uint32)
    number = np.arange(first, first + BLOCK)
    gray_code = number ^ number >> 1  # these numbers are another aligned block
    got = points_of(unscrambled(joe_kuo[:20]), range(20), BLOCK, int(gray_code.min()))
    np.testing.assert_array_equal(got[gray_code - gray_code.min()], wanted)


def test_the_last_point_uses_all_32_directions(joe_kuo, scrambled):
    last = points_of(scrambled, range(8), BLOCK, (1 << 32) - BLOCK)[-1]
    wanted = np.bitwise_xor.reduce(scrambled[0, :8], axis=1)
    np.testing.assert_array_equal(last, wanted)
    assert np.array_equal(points_of(scrambled, range(8))[0], scrambled[0, :8, sobol.SHIFT])


def test_far_points_are_new(scrambled):
    blocks = {points_of(scrambled, range(2), BLOCK, BLOCK * k).tobytes() for k in (0, 1, 2)}
    far = [1 << 28, 1 << 30, 1 << 31, 3 << 30, (1 << 32) - BLOCK]
    blocks |= {points_of(scrambled, range(2), BLOCK, first).tobytes() for first in far}
    assert len(blocks) == 8


def test_the_scramble_is_a_lower_triangular_matrix_with_unit_diagonal():
    """The images of the unit vectors: digit r of the image of e_c is row r, column c."""
    units = (np.uint32(1) << np.arange(31, -1, -1, dtype=np.uint32))[None]
    images = scramble(np.repeat(units, 5, axis=0), 11)[:, :, :32]
    digits = images[..., None] >> np.arange(31, -1, -1, dtype=np.uint32) & 1
    matrices = np.swapaxes(digits, -1, -2)
    assert np.array_equal(matrices, np.tril(matrices))
    assert np.all(np.diagonal(matrices, axis1=-2, axis2=-1) == 1)
    below = matrices[..., *np.tril_indices(32, -1)]
    assert abs(below.mean() - 0.5) < 5 * 0.5 / np.sqrt(below.size)


def test_the_scramble_is_linear(joe_kuo, scrambled):
    """Scrambled directions are the matrix times the directions, whatever these are."""
    units = (np.uint32(1) << np.arange(31, -1, -1, dtype=np.uint32))[None]
    columns = scramble(np.repeat(units, 64, axis=0), 3)[:, :, :32]
    wanted = np.zeros((REPLICATES, 64, 32), np.uint32)
    for digit in range(32):
        has = joe_kuo[:64] >> np.uint32(31 - digit) & np.uint32(1)
        wanted ^= columns[:, :, digit, None] * has
    np.testing.assert_array_equal(scrambled[:, :, :32], wanted)


@given(k=st.integers(0, 9), data=st.data())
@settings(max_examples=30)
def test_every_aligned_block_visits_each_cell_of_each_coordinate_once(scrambled, k, data):
    first = (1 << k) * data.draw(st.integers(0, (1 << 32 - k) - 1))
    replicate = data.draw(st.integers(0, REPLICATES - 1))
    words = points_of(scrambled, range(64), 1 << k, first, replicate).astype(np.uint64)
    cells = np.sort(words >> np.uint64(32 - k), axis=0)
    assert np.all(cells == np.arange(1 << k)[:, None])


@given(m=st.integers(1, 12), start=st.integers(0, 5), replicate=st.integers(0, 15))
@settings(max_examples=25)
def test_the_first_two_coordinates_are_a_0_m_2_net(scrambled, m, start, replicate):
    """Every box of area 2^-m and any shape holds one of 2^m points."""
    blocks = max(1, (1 << m) // BLOCK)
    words = many_points(scrambled, (0, 1), blocks, replicate, start * blocks * BLOCK)
    words = words[: 1 << m].astype(np.uint64)
    for i in range(m + 1):
        x, y = words[:, 0] >> np.uint64(32 - i), words[:, 1] >> np.uint64(32 - m + i)
        assert np.unique(x << np.uint64(m - i) | y).size == 1 << m


def test_scrambling_keeps_the_quality_of_every_pair(joe_kuo, scrambled):
    """The finest nets that a pair of coordinates makes are those of Joe and Kuo's points."""
    plain = unscrambled(joe_kuo[:64])
    words = [many_points(d, range(64), 2).astype(np.uint64) for d in (plain, scrambled)]
    for a, b in itertools.combinations((0, 1, 2, 5, 11, 23, 40, 63), 2):
        filled = [[box_count(w[:, a], w[:, b], i, 10) for i in range(11)] for w in words]
        assert filled[0] == filled[1]


def box_count(x, y, i, m):
    return np.unique(x >> np.uint64(32 - i) << np.uint64(m) | y >> np.uint64(32 - m + i)).size


@given(k=st.integers(0, 9), data=st.data())
@settings(max_examples=30)
def test_a_block_by_index_is_a_slice_of_the_sequence(scrambled, k, data):
    size = 1 << k
    first = size * data.draw(st.integers(0, 8 * BLOCK // size - 1))
    whole = many_points(scrambled, range(5), 8, 2)
    part = points_of(scrambled, range(5), size, first, 2)
    np.testing.assert_array_equal(part, whole[first : first + size])


def test_replicates_coordinates_and_seeds_differ(joe_kuo, scrambled):
    other = scramble(joe_kuo[:64], 3 + (1 << 32))
    shifts = np.concatenate(
        [scrambled[:, :, sobol.SHIFT].ravel(), other[:, :, sobol.SHIFT].ravel()]
    )
    assert np.unique(shifts).size == shifts.size
    assert not np.array_equal(scrambled[0, :, :32], scrambled[1, :, :32])
    assert stats.kstest(uniforms(shifts), "uniform").pvalue > 1e-4


def test_seeds_and_coordinates_have_addresses(joe_kuo, scrambled):
    """More coordinates leave the earlier ones as they are; the same seed makes the same points."""
    assert np.array_equal(scramble(joe_kuo[:7], 3), scrambled[:, :7])


def test_32_bits_are_used(scrambled):
    """A bit is half the time set, or once in 2^11 constant over 2^11 points."""
    words = many_points(scrambled, range(64), 4)
    digits = words[..., None] >> np.arange(32, dtype=np.uint32) & np.uint32(1)
    halves = digits.mean(axis=0) == 0.5
    assert halves.mean() > 0.99
    assert halves.any(axis=0).all()


def product(u):
    return np.prod(1.0 + (u - 0.5) / 2.0, axis=1)


def test_the_mean_is_unbiased_and_its_error_far_below_random(joe_kuo):
    """Six coordinates, a smooth product whose mean is 1."""
    means = []
    for seed in range(20):
        directions = scramble(joe_kuo[:6], seed)
        for replicate in range(REPLICATES):
            words = points_of(directions, range(6), BLOCK, 0, replicate)
            means.append(product(uniforms(words)).mean())
    error = np.std(means) / np.sqrt(len(means))
    assert abs(np.mean(means) - 1.0) < 4.5 * error
    random_variance = ((1.0 + 1.0 / 48.0) ** 6 - 1.0) / BLOCK
    assert np.var(means) < random_variance / 200.0


def test_the_spread_of_the_replicates_is_the_error_of_their_mean(joe_kuo):
    z = []
    for seed in range(60):
        directions = scramble(joe_kuo[:3], 1000 + seed)
        words = [points_of(directions, range(3), 256, 0, r) for r in range(REPLICATES)]
        means = np.array([product(uniforms(w)).mean() for w in words])
        z.append((means.mean() - 1.0) / (means.std(ddof=1) / np.sqrt(REPLICATES)))
    assert stats.kstest(z, stats.t(REPLICATES - 1).cdf).pvalue > 1e-3
