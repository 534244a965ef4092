"""Equations to nodes, and nodes to code."""

import collections
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import flopcast
from flopcast.equations import EQUATIONS
from flopcast.lowering import Code, lower
from flopcast.plan import make_plan
from flopcast.trace import CONSTANT, Recorder, TraceError, Tracer, elementwise, lift
from flopcast_kernels import program as kernels

PERIODS = 3


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def x(recorder):
    return Tracer(recorder, (recorder.draw(0),))


@pytest.fixture
def y(recorder):
    return Tracer(recorder, (recorder.draw(1),))


def operations(code):
    """Return how often each operation stands in the code."""
    return collections.Counter(int(row[0]) for row in code.code)


def code_of(*tracers, pending=16):
    nodes = [node for tracer in tracers for node in tracer.nodes]
    return lower(tracers[0].recorder.nodes, nodes, pending)


def reads(instruction):
    """Return the places that an instruction reads."""
    operation, _, a, b, c = (int(k) for k in instruction)
    if operation in (kernels.DRAW, kernels.FILL):
        return []
    if operation == kernels.WHERE:
        return [a, b, c]
    if kernels.ADD + kernels.OF_CONSTANT <= operation < kernels.DRAW:
        return [b]
    if kernels.ADD <= operation < kernels.ADD + kernels.WITH_CONSTANT:
        return [a, b]
    return [a]


# Recording


def test_the_same_expression_is_recorded_once(recorder, x, y):
    assert (x * y + 1.0).nodes == (y * x + 1.0).nodes
    assert (2.0 * x).nodes == (x * 2).nodes
    assert np.where(x < y, x, y).nodes == np.where(y > x, x, y).nodes
    assert (x / y).nodes != (y / x).nodes
    assert recorder.draw(0) == x.nodes[0]
    assert recorder.quantile(0, 3) == recorder.quantile(0, 3) != recorder.quantile(0, 4)


def test_a_common_part_is_worked_out_once(x, y):
    shared = np.exp(x * y)
    code = code_of(shared + x, np.exp(x * y) - y, shared)
    assert operations(code)[kernels.EXP] == 1
    assert operations(code)[kernels.MULTIPLY] == 1


def test_zeros_of_both_signs_are_two_constants(recorder):
    assert recorder.constant(0.0) != recorder.constant(-0.0)
    assert recorder.constant(1) == recorder.constant(np.float64(1.0)) == recorder.constant(True)
    assert recorder.constant(math.nan) == recorder.constant(math.nan)


def test_the_order_of_operations_is_the_written_one(x, y, values_of):
    """No reciprocal for a division, no reassociation."""
    written = [(x / 3.0) * y, x / (3.0 / y), (x + y) - x, 0.1 + (x + 0.2), (0.1 + x) + 0.2]
    a, b, *got = values_of(x.recorder, [t.nodes[0] for t in (x, y, *written)])
    wanted = [(a / 3.0) * b, a / (3.0 / b), (a + b) - a, 0.1 + (a + 0.2), (0.1 + a) + 0.2]
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x + y,
        lambda x, y: 3.0 + x,
        lambda x, y: x - 3.0,
        lambda x, y: 3.0 - x,
        lambda x, y: 3.0 / x,
        lambda x, y: x / 3.0,
        lambda x, y: -x,
        lambda x, y: +x,
        lambda x, y: abs(x),
        lambda x, y: np.fabs(x),
        lambda x, y: np.square(x),
        lambda x, y: np.sqrt(abs(x)),
        lambda x, y: np.floor(10 * x) + np.ceil(10 * y),
        lambda x, y: np.minimum(x, y) - np.maximum(0.1, y),
        lambda x, y: np.minimum(0.1, x) + np.maximum(y, -0.1),
        lambda x, y: (x < y) * 1.0 + (x <= y) * 2.0 + (x > y) * 4.0 + (x >= y) * 8.0,
        lambda x, y: (x < 0.1) * 1.0 + (x <= 0.1) * 2.0 + (x > 0.1) * 4.0 + (x >= 0.1) * 8.0,
        lambda x, y: (0.1 < x) * 1.0 + (0.1 <= x) * 2.0 + (0.1 > x) * 4.0 + (0.1 >= x) * 8.0,
        lambda x, y: (np.floor(4 * x) == np.floor(4 * y)) * 1.0,
        lambda x, y: (np.floor(4 * x) != 1.0) * 1.0 + (1.0 == np.floor(4 * x)) * 2.0,
        lambda x, y: np.where(x < y, x, y) + np.where(x >= 0.0, 1.0, y),
        lambda x, y: np.where(x, np.float32(2.0), np.int64(3)),
        lambda x, y: np.add(np.float64(2.0), x),
        lambda x, y: np.float64(2.0) * x - np.int64(1),
    ],
)
def test_operators_and_functions_are_those_of_numpy(recorder, x, y, values_of, function):
    a, b, got = values_of(recorder, [*x.nodes, *y.nodes, *function(x, y).nodes])
    wanted = np.asarray(function(a, b), float)
    assert got.tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    ("name", "close"),
    [("exp", 1e-15), ("log", 1e-15), ("log2", 1e-15), ("log10", 1e-15)]
    + [("sin", 1e-15), ("cos", 1e-15)],
)
def test_elementary_functions_can_be_traced(recorder, x, values_of, name, close):
    function = getattr(np, name)
    a, got = values_of(recorder, [x.nodes[0], function(abs(x)).nodes[0]])
    np.testing.assert_allclose(got, function(np.abs(a)), rtol=close)


@pytest.mark.parametrize(
    ("exponent", "operation", "function"),
    [
        (2, kernels.MULTIPLY, lambda a: a * a),
        (0.5, kernels.SQRT, np.sqrt),
        (-1.0, kernels.DIVIDE + kernels.OF_CONSTANT, lambda a: 1.0 / a),
    ],
)
def test_powers_that_one_exact_operation_serves(
    recorder, x, values_of, exponent, operation, function
):
    base = abs(x)
    power = base**exponent
    a, got = values_of(recorder, [*base.nodes, *power.nodes])
    np.testing.assert_array_equal(got, function(a))
    assert operations(code_of(power))[operation] == 1
    assert kernels.POWER + kernels.WITH_CONSTANT not in operations(code_of(power))


def test_a_first_power_is_the_base(x):
    assert (x**1).nodes == x.nodes
    assert np.power(x, 1.0).nodes == x.nodes


@given(exponent=st.floats(-20, 20).filter(lambda e: not (e.is_integer() or e == 0.5)))
@example(exponent=0.0)
@example(exponent=64.0)
@settings(max_examples=30)
def test_other_powers_are_powers(values_of, exponent):
    recorder = Recorder()
    base = 2.0 + Tracer(recorder, (recorder.draw(0),))
    power = base**exponent
    a, got = values_of(recorder, [*base.nodes, *power.nodes])
    np.testing.assert_allclose(got, a**exponent, rtol=1e-14)
    assert operations(code_of(power))[kernels.POWER + kernels.WITH_CONSTANT] == 1


def test_powers_of_numbers_and_of_quantities(recorder, x, y, values_of):
    power, mixed = 1.7**x, (1.0 + x) ** (y * 3.0)
    a, b, first, second = values_of(recorder, [*x.nodes, *y.nodes, *power.nodes, *mixed.nodes])
    np.testing.assert_allclose(first, 1.7**a, rtol=1e-14)
    np.testing.assert_allclose(second, (1.0 + a) ** (b * 3.0), rtol=1e-14)


# What cannot be traced


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: 1.0 if x > 0 else 2.0, r"no branches: use where\(condition, a, b\)"),
        (lambda x: max(x, 1.0), "no branches"),
        (lambda x: x > 0 and x < 1, "no branches"),
        (lambda x: 0 < x < 1, "no branches"),
        (lambda x: np.tan(x), r"numpy\.tan cannot be traced; these can: absolute, .*where"),
        (lambda x: x % 2, r"numpy\.remainder cannot be traced"),
        (lambda x: x // 2, r"numpy\.floor_divide cannot be traced"),
        (lambda x: divmod(x, 2), r"numpy\.divmod cannot be traced"),
        (lambda x: np.sum(x), r"numpy\.sum cannot be traced"),
        (lambda x: np.add.reduce(x), r"numpy\.add\.reduce with options cannot be traced"),
        (lambda x: np.sqrt(x, where=True), r"numpy\.sqrt\.__call__ with options"),
        (lambda x: np.where(x), r"numpy\.where cannot be traced"),
        (lambda x: np.clip(x, 0, 1), r"numpy\.\w+ cannot be traced"),
        (lambda x: x + "1", "numbers and quantities, not a str"),
        (lambda x: x * [1.0, 2.0], "numbers and quantities, not a list"),
        (lambda x: x * np.ones(3), "numbers and quantities, not a ndarray"),
        (lambda x: x + None, "numbers and quantities, not a NoneType"),
        (lambda x: x + 1j, "numbers and quantities, not a complex"),
        (lambda x: x + np.complex128(1j), "numbers and quantities, not a complex128"),
    ],
)
def test_what_cannot_be_traced_is_told(x, function, message):
    with pytest.raises(TraceError, match=message):
        function(x)


@pytest.mark.parametrize("value", [2, 2.0, True, np.float32(2), np.int8(2), np.array(2.0)])
def test_numbers_are_lifted(recorder, value):
    assert recorder.nodes[lift(recorder, value).nodes[0]] == (CONSTANT, float(value))


# Periods


def test_what_has_no_periods_serves_every_period(x):
    recorder = x.recorder
    recorder.period_count = PERIODS
    moving = recorder.by_period(recorder.draw(5 + k) for k in range(PERIODS))
    result = moving * x + 1.0
    assert result.has_periods
    assert len(result.nodes) == PERIODS
    assert result.at(1).nodes == (moving.at(1) * x.at(1) + 1.0).nodes
    assert not result.at(1).has_periods
    assert not (x + 1.0).has_periods


def test_where_joins_quantities_with_and_without_periods(x):
    x.recorder.period_count = PERIODS
    moving = x.recorder.by_period(x.recorder.draw(5 + k) for k in range(PERIODS))
    assert np.where(x > 0, moving, 1.0).has_periods
    chosen = elementwise(x.recorder, kernels.WHERE, (x > 0, moving, 1.0))
    assert np.where(x > 0, moving, 1.0).nodes == chosen.nodes


# Lowering


def test_what_no_output_needs_is_left_out(recorder, x, y):
    unused = np.exp(y) * 3.0
    code = code_of(x * 2.0)
    assert unused.nodes[0] < len(recorder.nodes)
    assert operations(code) == {kernels.DRAW: 1, kernels.MULTIPLY + kernels.WITH_CONSTANT: 1}
    assert code.constants.tolist() == [2.0]


def test_outputs_may_be_inputs_constants_and_repeated(recorder, x, values_of):
    seven = recorder.constant(7.0)
    outputs = [x.nodes[0], seven, (x + 7.0).nodes[0], seven, x.nodes[0], recorder.constant(-0.0)]
    for pending in (1, 2, 3, 16):
        got = values_of(recorder, outputs, pending=pending)
        a = got[0]
        assert (
            got.tobytes() == np.array([a, a * 0 + 7, a + 7, a * 0 + 7, a, a * a * -0.0]).tobytes()
        )


def test_every_operand_may_be_a_constant(recorder, values_of):
    """The code of constants alone, which the plan runs to fold them."""
    six = elementwise(recorder, kernels.MULTIPLY, (2.0, 3.0))
    seven, again, five = six + 1.0, 1.0 + six, 5.0 - np.minimum(six, 0.0)
    both = np.where(six < seven, seven * six, six / seven)
    nodes = [t.nodes[0] for t in (six, seven, again, five, both, 2.0**six, six**2.5)]
    got = values_of(recorder, nodes, points=1)[:, 0]
    np.testing.assert_allclose(got, [6, 7, 7, 5, 42, 64, 6**2.5], rtol=1e-15)


def test_segments_end_where_their_outputs_are_made(recorder):
    nodes = [recorder.apply(kernels.EXP, recorder.draw(k)) for k in range(10)]
    code = lower(recorder.nodes, nodes, 4)
    assert code.segments.tolist() == [[8, 4], [16, 8], [20, 10]]
    assert code.places <= 5
    assert lower(recorder.nodes, nodes, 16).segments.tolist() == [[20, 10]]


def test_nothing_wanted_is_no_code():
    code = lower([], [], 16)
    assert code.code.shape == (0, 5)
    assert code.segments.shape == (0, 2)
    assert code.places == 0


step = st.tuples(
    st.sampled_from([kernels.NEGATIVE, kernels.ADD, kernels.DIVIDE, kernels.LESS, kernels.WHERE]),
    *[st.integers(0, 999)] * 3,
)


@given(st.lists(step, max_size=80), st.lists(st.integers(0, 999), max_size=20), st.integers(1, 5))
def test_laws_of_lowered_code(steps, wanted, pending):
    recorder = Recorder()
    nodes = [recorder.draw(0), recorder.draw(1), recorder.constant(2.0)]
    for operation, *places in steps:
        arity = {kernels.NEGATIVE: 1, kernels.WHERE: 3}.get(operation, 2)
        nodes.append(recorder.apply(operation, *(nodes[k % len(nodes)] for k in places[:arity])))
    outputs = [nodes[k % len(nodes)] for k in wanted]
    code = lower(recorder.nodes, outputs, pending)
    assert_reads_what_was_written(code)
    assert code.segments[-1, 0] == len(code.code) if outputs else len(code.code) == 0
    needed = reachable(recorder.nodes, outputs)
    made = [k for k in needed if recorder.nodes[k][0] != CONSTANT]
    fills = operations(code)[kernels.FILL]
    assert len(code.code) == len(made) + fills
    assert code.places <= len(made) + fills


def reachable(nodes, outputs):
    found, waiting = set(), list(outputs)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            if nodes[node][0] not in (CONSTANT, kernels.DRAW):
                waiting += nodes[node][1:]
    return found


def assert_reads_what_was_written(code: Code):
    """No instruction writes a row that it reads, reads one that none wrote or goes past the end."""
    written = set()
    begin = first = 0
    for end, last in code.segments:
        for instruction in code.code[begin:end]:
            place = int(instruction[1])
            assert place not in reads(instruction)
            assert written.issuperset(reads(instruction))
            assert 0 <= place < code.places
            written.add(place)
        assert written.issuperset(code.outputs[first:last].tolist())
        begin, first = end, last


def test_the_rows_that_wait_are_few(recorder):
    """Depth first: a sum of many products holds one product at a time."""
    total = lift(recorder, 0.0)
    for k in range(200):
        total = total + Tracer(recorder, (recorder.draw(k),)) * float(k)
    assert code_of(total).places <= 4


def test_deep_programs_do_not_recurse(recorder, x):
    for k in range(20000):
        x = x + float(k)
    assert len(code_of(x).code) == 20001


# The plan's folding and the library


def test_constants_are_folded_by_the_kernels():
    scenario = flopcast.load(
        {
            "name": "folded",
            "outputs": ["y", "z"],
            "inputs": {"a": 2.0, "b": 3.0, "u": {"distribution": "uniform", "low": 0, "high": 1}},
            "equations": {
                "c": {"expression": "1 + a * b / exp(a)", "unit": "1"},
                "y": {"expression": "c * 5 + where(a < b, 1, log(b))", "unit": "1"},
                "z": {"expression": "u * (a * b * 2 + 1)", "unit": "1"},
            },
        }
    )
    (group,) = make_plan(scenario, 16, 0, "random").groups
    expected = {kernels.FILL: 1, kernels.SAMPLE: 1}
    assert operations(group.code) == expected | {kernels.MULTIPLY + kernels.WITH_CONSTANT: 1}
    folded = sorted(group.code.constants.tolist())
    np.testing.assert_allclose(folded, [(1 + 6 / math.exp(2)) * 5 + 1, 13.0], rtol=1e-15)


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_traced_equation_agrees_with_numpy(name, values_of):
    equation = EQUATIONS[name]
    recorder = Recorder()
    tails = [recorder.draw(k) for k in range(len(equation.parameters))]
    tracers = [0.55 + 0.8 * Tracer(recorder, (tail,)) for tail in tails]
    result = lift(
        recorder, equation.function(**dict(zip(equation.parameters, tracers, strict=True)))
    )
    *arrays, got = values_of(recorder, [t.nodes[0] for t in (*tracers, result)])
    arguments = dict(zip(equation.parameters, arrays, strict=True))
    np.testing.assert_allclose(got, equation.function(**arguments), rtol=2e-14)


@pytest.mark.parametrize("exponent", [*range(2, 17), *range(-16, -1)])
def test_whole_powers_are_products(recorder, x, values_of, exponent):
    base = 1.5 + abs(x)
    power = base**exponent
    a, got = values_of(recorder, [*base.nodes, *power.nodes])
    np.testing.assert_allclose(got, a ** float(exponent), rtol=3e-15)
    assert not {kernels.POWER, kernels.POWER + kernels.WITH_CONSTANT} & set(
        operations(code_of(power))
    )
