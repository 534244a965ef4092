"""Blocks of both designs against the general table: within the promise, and draw by draw."""

import numpy as np
import pytest
from distribution_cases import EXTREME, ORDINARY, cases, continuous, made

from flopcast.forms import cubic_form, even_form
from flopcast.layout import evaluate as run
from flopcast.lowering import lower
from flopcast.streams import make_streams
from flopcast.tables import evaluate, pack
from flopcast.trace import Recorder
from flopcast_kernels.program import BLOCK
from flopcast_kernels.sampling import SLOTS

FORMS = {"sobol": even_form, "random": cubic_form}
BOTH = pytest.mark.parametrize("design", FORMS)
BLOCKS = [(0, 0), (3, 17 * BLOCK), (15, 1 << 31)]


class Sampled:
    """One input through a table as a design samples it, and its signed tails."""

    def __init__(self, table, design, copies=1):
        recorder = Recorder()
        draw = recorder.draw(0)
        values = [recorder.quantile(draw, k) for k in range(copies)]
        self.values, self.draws = (lower(recorder.nodes, k, 16) for k in (values, [draw]))
        self.streams = make_streams(("x",), design == "sobol", 5)
        self.pool = pack([table] * copies, [FORMS[design](table)] * copies)

    def block(self, replicate, first, points=BLOCK):
        return run(self.values, self.streams, self.pool, replicate, first, points)

    def tails(self, replicate, first, points=BLOCK):
        return run(self.draws, self.streams, self.pool, replicate, first, points)[0]


def assert_within_the_promise(values, table, tails):
    """A value may be 1e-9 of itself off, or what 1e-9 of its tail probability moves."""
    exact = evaluate(table, tails)
    moved = np.abs(evaluate(table, tails * (1 - 1e-9)) - exact)
    assert np.all(np.abs(values - exact) <= 1e-9 * np.abs(exact) + 1.1 * moved + 2.0**-1022)


@BOTH
@cases(continuous(ORDINARY), continuous(EXTREME))
def test_blocks_keep_the_promise(name, parameters, design):
    table = made(name, **parameters).table()
    sampled = Sampled(table, design)
    for replicate, first in BLOCKS:
        (values,) = sampled.block(replicate, first)
        assert_within_the_promise(values, table, sampled.tails(replicate, first))
        assert values.min() >= table.low
        assert values.max() <= table.high


@BOTH
@pytest.mark.parametrize("name", ["lognormal", "triangular", "beta"])
def test_a_part_of_a_block_is_the_same_draws(name, design):
    sampled = Sampled(made(name, **ORDINARY[name][0]).table(), design)
    whole = sampled.block(2, 5 * BLOCK)
    for points in (4, 64, 256):
        for first in range(0, BLOCK, points):
            part = sampled.block(2, 5 * BLOCK + first, points)
            assert np.array_equal(part, whole[:, first : first + points])


@BOTH
def test_more_samples_than_are_laid_out_at_once(design):
    table = made("normal", mean=0, sd=1).table()
    (one,) = Sampled(table, design).block(1, 7 * BLOCK)
    many = Sampled(table, design, SLOTS + 3).block(1, 7 * BLOCK)
    assert np.array_equal(many, np.tile(one, (SLOTS + 3, 1)))


def test_ordinary_distributions_have_both_forms():
    for name in ("uniform", "normal", "lognormal", "triangular", "pert", "gamma"):
        table = made(name, **ORDINARY[name][0]).table()
        assert even_form(table).rough.size <= 10
        assert cubic_form(table) is not None
