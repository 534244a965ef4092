"""The arithmetic of a scenario: what it allows, what it refuses, and what it is worth."""

import math
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flopcast
from flopcast.expressions import FUNCTION_NAMES, MAX_DEPTH, MAX_LENGTH, ExpressionError, parse
from flopcast.periods import FUNCTIONS as PERIOD_FUNCTIONS
from flopcast.trace import Recorder, Tracer
from flopcast.units import UnitError, check_function, quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("7 / 2", 3.5),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("2 ** -1", 0.5),
        ("+3 - -4", 7.0),
        ("1e3 + 1_000", 2000.0),
        ("10 - 4 - 3", 3.0),
        ("  1\t+ 1 ", 2.0),
        ("1\n + 1", 2.0),
        ("exp(0) + log(1) + log10(1000) + log2(8)", 7.0),
        ("sqrt(16) + abs(-3) + floor(2.5) + ceil(2.5)", 12.0),
        ("sin(0) + cos(0)", 1.0),
        ("minimum(2, 3) + maximum(2, 3)", 5.0),
        ("where(1 < 2, 10, 20)", 10.0),
        ("where(1 >= 2, 10, 20)", 20.0),
        ("where(2 == 2, 1, 0) + where(2 != 2, 1, 0)", 1.0),
        ("where(1 <= 1, 1, 0) + where(1 > 1, 1, 0)", 1.0),
        ("where(0, 1, where(1 < 2, 3, 4))", 3.0),
        ("total(3) + largest(4) + average(5) + cumulative(6) + cumulative_product(7)", 25.0),
        ("previous(3, 4)", 4.0),
    ],
)
def test_values(text, value):
    assert parse(text)() == pytest.approx(value, rel=1e-15)


def test_names_are_told_in_order_and_once():
    expression = parse("b * log(a) + where(c < a, b, d) - b")
    assert expression.names == ("b", "a", "c", "d")
    assert expression.text == "b * log(a) + where(c < a, b, d) - b"
    assert parse("exp(1)").names == ()


def test_functions_are_those_of_the_contract():
    wanted = "exp log log10 log2 sqrt sin cos abs minimum maximum floor ceil where".split()
    assert set(FUNCTION_NAMES) == {*wanted, *PERIOD_FUNCTIONS}
    assert set(PERIOD_FUNCTIONS) == {
        *("total", "largest", "average", "cumulative", "cumulative_product", "previous")
    }


NO_EXPRESSIONS = ["1 +", "a b", "(a", "a = 1", "a; b", "a +\n* b", "1 2", "0x", "\x00", "a\\", "*a"]
NO_EXPRESSIONS += ["\u00e9 + ", "$a", "if", "1if", "'", "def f(): pass", "return 1", "(" * 300]


@pytest.mark.parametrize("text", NO_EXPRESSIONS)
def test_what_is_no_expression(text):
    with pytest.raises(ExpressionError, match="not an expression"):
        parse(text)


NOT_ALLOWED = ["a.b", "a[0]", "[a]", "(a, b)", "{a}", "{a: 1}", "[x for x in a]", "lambda: 1"]
NOT_ALLOWED += ["a if b else c", "a and b", "a or b", "not a", "a // b", "a % b", "a @ b", "a << b"]
NOT_ALLOWED += [
    "a | b",
    "a & b",
    "a ^ b",
    "~a",
    "a is b",
    "a in b",
    "(a := 1)",
    "f'{a}'",
    "a(1)[0]",
]
NOT_ALLOWED += ["exp(x=1)", "exp(**a)", "a.exp(1)", "exp(1)(2)", "(lambda: 1)()", "a.__class__"]
NOT_ALLOWED += ["where(1 < a < 2, 1, 0)", "where(a is b, 1, 0)", "where(not a, 1, 0)", "yield_[1]"]


@pytest.mark.parametrize("text", NOT_ALLOWED)
def test_what_is_not_on_the_list_is_refused(text):
    with pytest.raises(ExpressionError, match=r"not allowed: only \+ - \* / \*\*, comparisons"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("True", "True is not a number"),
        ("'a'", "'a' is not a number"),
        ("b'a'", "b'a' is not a number"),
        ("1j", "1j is not a number"),
        ("None", "None is not a number"),
        ("...", "Ellipsis is not a number"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("a # b", "'#' is no arithmetic"),
        ("a * exp", "exp is a function"),
        ("1e999", "too large: at most 1.8e308"),
        ("9" * 400, "too large: at most 1.8e308"),
        ("a < b", r"only in where\(condition, a, b\)"),
        ("where(a, b < c, d)", "only in where"),
        ("where((a < b) * (c < d), 1, 0)", "only in where"),
        ("exp(a < b)", "only in where"),
        ("tan(a)", "unknown function 'tan'; known: exp log"),
        ("__import__(a)", "unknown function '__import__'"),
        ("eval(a)", "unknown function 'eval'"),
        ("squrt(a)", "unknown function 'squrt'.*did you mean sqrt?"),
        ("cumulativ(a)", "did you mean cumulative?"),
        ("exp()", "exp takes 1 argument$"),
        ("exp(a, b)", "exp takes 1 argument$"),
        ("where(a, b)", "where takes 3 arguments"),
        ("minimum(*a)", "minimum takes 2 arguments"),
        ("exp(*a)", "exp takes 1 argument$"),
        ("previous(a)", "previous takes 2 arguments"),
        ("a" * (MAX_LENGTH + 1), f"longer than {MAX_LENGTH}"),
        ("+".join(["a"] * (MAX_DEPTH + 2)), f"nested deeper than {MAX_DEPTH}"),
        ("-" * (MAX_DEPTH + 1) + "a", f"nested deeper than {MAX_DEPTH}"),
    ],
)
def test_errors_say_what_is_wrong(text, message):
    with pytest.raises(ExpressionError, match=message):
        parse(text)


def test_the_longest_and_deepest_that_are_allowed():
    names = [f"n{k}" for k in range(MAX_DEPTH + 1)]
    assert parse("+".join(names)).names == tuple(names)
    assert parse("-" * MAX_DEPTH + "a")(a=2.0) == 2.0
    text = "a" * MAX_LENGTH
    assert parse(text).names == (text,)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_told(text):
    try:
        expression = parse(text)
    except ExpressionError:
        return
    assert expression.text == " ".join(text.split())


def test_nothing_is_run_at_parsing_or_called_by_name():
    """A name is looked up among the values, never in Python."""
    with pytest.raises(KeyError, match="print"):
        parse("print + 1")()
    assert parse("print + 1")(print=2.0) == 3.0


# Numbers, arrays, quantities and tracers


numbers = st.floats(0.01, 100.0).map(lambda x: round(x, 3))
names = st.sampled_from("abc")


def compound(children):
    binary = st.tuples(children, st.sampled_from("+-*/"), children).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    )
    power = st.tuples(children, st.sampled_from(["2", "3", "-1", "0.5"])).map(
        lambda t: f"(abs({t[0]}) ** {t[1]})"
    )
    unary = st.tuples(st.sampled_from(["-", "+", "abs", "floor", "ceil"]), children).map(
        lambda t: f"{t[0]}({t[1]})"
    )
    choice = st.tuples(
        children, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), *[children] * 3
    )
    where = choice.map(lambda t: f"where({t[0]} {t[1]} {t[2]}, {t[3]}, {t[4]})")
    extreme = st.tuples(st.sampled_from(["minimum", "maximum"]), children, children).map(
        lambda t: f"{t[0]}({t[1]}, {t[2]})"
    )
    return st.one_of(binary, power, unary, where, extreme)


texts = st.recursive(st.one_of(numbers.map(repr), names), compound, max_leaves=12)
PYTHON = {
    "abs": abs,
    "floor": lambda x: float(np.floor(x)),
    "ceil": lambda x: float(np.ceil(x)),
    "where": lambda condition, a, b: a if condition else b,
    "minimum": min,
    "maximum": max,
}


def python_value(text, values):
    """Return what Python itself makes of the text, or None where it finds no finite number."""
    try:
        value = float(eval(text, {"__builtins__": {}}, {**PYTHON, **values}))
    except (ZeroDivisionError, OverflowError):
        return None
    return value if math.isfinite(value) else None


@given(texts, st.tuples(numbers, numbers, numbers))
@settings(max_examples=200)
def test_arithmetic_is_that_of_python(values_of, text, abc):
    values = dict(zip("abc", abc, strict=True))
    wanted = python_value(text, values)
    if wanted is None:
        return
    expression = parse(text)
    used = {name: values[name] for name in expression.names}
    assert float(expression(**used)) == pytest.approx(wanted, rel=1e-14, abs=1e-300)
    arrays = {name: np.full(3, value) for name, value in used.items()}
    np.testing.assert_allclose(expression(**arrays), wanted, rtol=1e-14)
    recorder = Recorder()
    tracers = {name: Tracer(recorder, (recorder.constant(v),)) for name, v in used.items()}
    if used:
        (row,) = values_of(recorder, expression(**tracers).nodes, points=1)
        assert row[0] == pytest.approx(wanted, rel=1e-14, abs=1e-300)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1 / 0", math.inf), ("-1 / 0", -math.inf), ("10 ** 400", math.inf)),
        *(("(-8) ** 0.5", math.nan), ("log(-1)", math.nan), ("log(0)", -math.inf)),
    ],
)
def test_numbers_that_are_not_finite_follow_ieee_and_not_python(text, value):
    """They are told when a draw is not finite, like those of any other equation."""
    with np.errstate(all="ignore"):
        np.testing.assert_equal(float(parse(text)()), value)
        check_function(parse(text), {}, "1")


@pytest.mark.parametrize(
    "expression", ["where(1 < 2, 3, 4) * 2", "previous(3, 6)", "2 * 3", "exp(0) * 6"]
)
def test_a_scenario_may_have_an_equation_of_numbers_alone(expression):
    scenario = {
        "name": "numbers",
        "outputs": ["y"],
        "inputs": {},
        "equations": {"y": {"expression": expression, "unit": "1"}},
    }
    assert float(flopcast.forecast(scenario, draws=16).y_mean) == 6.0


@pytest.mark.parametrize(
    "expression", ["1 / 0", "a + 1 / 0", "10 ** 400", "(-8) ** 0.5 + a", "log(-1)"]
)
def test_a_number_that_is_not_finite_is_told_as_a_draw(expression):
    scenario = {
        "name": "endless",
        "outputs": ["y"],
        "inputs": {"a": 1.0},
        "equations": {"y": {"expression": expression, "unit": "1"}},
    }
    with pytest.raises(flopcast.NonFiniteError, match="y is (inf|nan)"):
        flopcast.forecast(scenario, draws=16)


def test_one_way_to_call_it_with_arrays():
    x = np.linspace(0.1, 3.0, 50)
    got = parse("where(x < 1, sqrt(x), log(x) / 2) ** 2")(x=x)
    np.testing.assert_allclose(got, np.where(x < 1, np.sqrt(x), np.log(x) / 2) ** 2, rtol=1e-15)


UNITS = {"hours": "hour", "price": "USD/hour", "rate": "1", "limit": "USD"}


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("hours * price", "USD"),
        ("minimum(hours * price, limit)", "USD"),
        ("where(hours * price > limit, limit, 2 * hours * price)", "USD"),
        ("(hours * price / limit) ** rate", "1"),
        ("hours ** 2 * price ** 2", "USD**2"),
        ("sqrt(limit ** 2)", "USD"),
        ("limit ** -1", "1/USD"),
        ("exp(hours * price / limit) + rate", "1"),
        ("total(limit) + largest(limit) + cumulative(limit)", "USD"),
        ("cumulative_product(rate) + average(rate)", "1"),
        ("previous(limit, hours * price)", "USD"),
        ("2 - rate", "1"),
    ],
)
def test_units_that_fit(text, unit):
    expression = parse(text)
    check_function(expression, {name: UNITS[name] for name in expression.names}, unit)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("hours + price", "USD"),
        ("hours * price", "hour"),
        ("hours + 1", "hour"),
        ("1 - hours", "hour"),
        ("exp(hours)", "1"),
        ("floor(hours)", "hour"),
        ("limit ** rate", "USD"),
        ("limit ** 0.5", "USD"),
        ("2 ** limit", "1"),
        ("where(hours > 1, 1, 2)", "1"),
        ("where(1 < hours, 1, 2)", "1"),
        ("where(rate > 1, hours, limit)", "hour"),
        ("minimum(hours, limit)", "USD"),
        ("cumulative_product(limit)", "USD"),
        ("previous(limit, hours)", "USD"),
        ("3", "USD"),
    ],
)
def test_units_that_do_not_fit(text, unit):
    expression = parse(text)
    with pytest.raises(UnitError):
        check_function(expression, {name: UNITS[name] for name in expression.names}, unit)


def test_quantities_keep_their_units():
    hours, price = quantity(3.0, "hour"), quantity(2.0, "USD/hour")
    result = parse("2 * hours * price")(hours=hours, price=price)
    assert result.to("USD").magnitude == pytest.approx(12.0)


def test_comparisons_are_those_of_operator():
    """Every comparison, both ways round, on an array and on its trace."""
    x = np.array([1.0, 2.0, 3.0])
    for symbol, function in zip(
        ["<", "<=", ">", ">=", "==", "!="],
        [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne],
        strict=True,
    ):
        got = parse(f"where(x {symbol} 2, 1, 0) + 2 * where(2 {symbol} x, 1, 0)")(x=x)
        np.testing.assert_array_equal(got, function(x, 2.0) + 2 * function(2.0, x))
