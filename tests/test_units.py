"""Units: text to base units and back, and what is refused."""

import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flopcast import units
from flopcast.units import UnitError

FACTORS = {
    "1": 1.0,
    "s": 1.0,
    "byte": 1.0,
    "FLOP": 1.0,
    "token": 1.0,
    "USD": 1.0,
    "W": 1.0,
    "J": 1.0,
    "kg": 1.0,
    "m": 1.0,
    "Hz": 1.0,
    "minute": 60.0,
    "min": 60.0,
    "hour": 3600.0,
    "h": 3600.0,
    "day": 86400.0,
    "week": 604800.0,
    "month": 2629800.0,
    "quarter": 7889400.0,
    "year": 31557600.0,
    "USD/hour": 1 / 3600,
    "USD/month": 1 / 2629800,
    "USD/Mtoken": 1e-6,
    "USD/ktoken": 1e-3,
    "FLOP/token": 1.0,
    "TFLOP/s": 1e12,
    "FLOPs": 1.0,
    "flop": 1.0,
    "Wh": 3600.0,
    "kWh": 3.6e6,
    "MWh": 3.6e9,
    "USD/kWh": 1 / 3.6e6,
    "B": 1.0,
    "GB": 1e9,
    "GiB": 1024.0**3,
    "KiB": 1024.0,
    "bit": 0.125,
    "Gbit/s": 1.25e8,
    "gram": 1e-3,
    "g": 1e-3,
    "percent": 0.01,
    "%": 0.01,
    "ms": 1e-3,
    "ns": 1e-9,
    "Qs": 1e30,
    "hour**2": 3600.0**2,
    "hour^2": 3600.0**2,
    "hour**-1": 1 / 3600,
    "hour**0.5": 60.0,
    "1/day": 1 / 86400,
    "request/(user*month)": 1 / 2629800,
    " USD / hour ": 1 / 3600,
}


@pytest.mark.parametrize(("text", "expected"), FACTORS.items())
def test_factors_are_exact(text, expected):
    assert units.factor(text) == expected


@pytest.mark.parametrize(
    "name",
    "s minute hour day week month quarter year m W J Wh FLOP token byte bit USD EUR GBP JPY CNY INR"
    " CHF CAD AUD KRW sample pixel frame image request user GPU character word".split(),
)
def test_names_take_a_plural_and_prefixes(name):
    one = units.factor(name)
    if len(name) > 1:
        assert units.factor(f"{name}s") == one
    assert units.factor(f"M{name}") == pytest.approx(1e6 * one, rel=1e-15)
    assert units.factor(f"Gi{name}") == pytest.approx(2.0**30 * one, rel=1e-15)


@pytest.mark.parametrize(
    ("prefix", "scale"),
    {
        **dict(zip("numkMGTPEZYRQ", [10.0 ** (3 * k) for k in range(-3, 11) if k], strict=True)),
        **{f"{letter}i": 1024.0 ** (k + 1) for k, letter in enumerate("KMGTP")},
    }.items(),
)
def test_prefixes(prefix, scale):
    assert units.factor(f"{prefix}token") == pytest.approx(scale, rel=1e-15)


def test_currencies_do_not_mix():
    currencies = "USD EUR GBP JPY CNY INR CHF CAD AUD KRW".split()
    pairs = [(a, b) for a in currencies for b in currencies if a != b]
    assert not any(units.same_dimension(a, b) for a, b in pairs)


def test_what_is_counted_does_not_mix():
    names = "1 s byte FLOP token character word sample pixel frame image request user GPU".split()
    assert not any(units.same_dimension(a, b) for a in names for b in names if a != b)


def test_derived_units_are_what_they_are_made_of():
    assert units.same_dimension("W*s", "J")
    assert units.same_dimension("Hz", "1/year")
    assert units.same_dimension("kWh", "kg*m**2/s**2")
    assert units.same_dimension("percent", "1")


MALFORMED = [
    "",
    " ",
    "USD//hour",
    "USD/",
    "/hour",
    "3 4",
    "3",
    "nan",
    "inf",
    "1e9",
    "USD**1e9",
    "USD**99",
    "USD**nan",
    "USD**hour",
    "Qs**9*Qs**9",
    "(USD",
    "USD)",
    "()",
    "USD hour",
    "USD,hour",
    "dimensionless",
    "degC",
    "delta_degC",
    "dB",
    "__import__('os').getcwd()",
    "USD.__class__",
    "lambda: 0",
    "[USD]",
    "USD\x00",
    "USD\nhour",
    "ＵＳＤ",
    "GPU²",
    "(" * 60,
    "USD*" * 20_000 + "USD",
    "a" * 1_000_000,
]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: repr(text[:20]))
def test_what_is_no_unit_is_refused_quickly(text):
    start = time.perf_counter()
    with pytest.raises(UnitError):
        units.factor(text)
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize("value", [None, 3, 4.5, ["USD"], b"USD"])
def test_only_text_is_a_unit(value):
    with pytest.raises(UnitError, match="expected a unit as text"):
        units.factor(value)


@given(st.text(max_size=200))
def test_any_text_is_a_unit_or_a_unit_error(text):
    try:
        assert math.isfinite(units.factor(text))
    except UnitError:
        pass


@given(st.text(alphabet="USDhourBk1230.+-eE*/^() ", max_size=30))
def test_near_misses_are_a_quantity_or_a_unit_error(text):
    try:
        value, unit = units.parse_quantity(text)
        assert math.isfinite(value * units.factor(unit))
    except UnitError:
        pass


@pytest.mark.parametrize(
    ("unit", "nearest"),
    [("usd/hour", "USD"), ("FLOPS", "FLOP"), ("tokne", "token"), ("USD/huor", "hour")],
)
def test_an_unknown_unit_names_the_nearest(unit, nearest):
    with pytest.raises(UnitError, match=f"unknown unit '.*'; did you mean.*{nearest}"):
        units.factor(unit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4.10 USD/hour", (4.10, "USD/hour")),
        ("2 FLOP/token", (2.0, "FLOP/token")),
        ("0.3", (0.3, "1")),
        ("  -3e5   s ", (-3e5, "s")),
        ("1_000 token", (1000.0, "token")),
        (".5 hour", (0.5, "hour")),
        ("5. hour", (5.0, "hour")),
        ("50%", (50.0, "%")),
        ("0.5 1/hour", (0.5, "1/hour")),
        ("1 USD / hour", (1.0, "USD / hour")),
    ],
)
def test_a_quantity_is_a_number_and_a_unit_as_written(text, expected):
    assert units.parse_quantity(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "USD", "nan USD", "inf", "-inf s", "1e999 s", "3 4", "1,000 USD", "1__0 s", "0x10 s"]
    + ["1e5e5", "two USD", "1 USD//hour", "1" * 500, "٣ s", "1 + 1 s"],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(UnitError):
        units.parse_quantity(text)


def test_convert_names_both_units():
    assert units.convert(1.0, "USD/day", "USD/hour") == 1 / 24
    with pytest.raises(UnitError, match=r"expected a value in 'USD/hour', got one in 'EUR/hour'"):
        units.convert(1.0, "EUR/hour", "USD/hour")


SAME_KIND = st.sampled_from(
    [
        ("USD/hour", "USD/year"),
        ("TFLOP/s", "EFLOP/day"),
        ("GiB", "bit"),
        ("kWh", "mJ"),
        ("percent", "1"),
        ("USD/Mtoken", "USD/ktoken"),
    ]
)


@given(st.floats(-1e100, 1e100, allow_subnormal=False), SAME_KIND)
def test_convert_there_and_back(value, pair):
    there = units.convert(value, *pair)
    back = units.convert(there, pair[1], pair[0])
    assert back == pytest.approx(value, rel=1e-15, abs=1e-250)


@given(st.floats(-1e100, 1e100), SAME_KIND)
def test_converting_leaves_the_base_value(value, pair):
    there = units.convert(value, *pair)
    assert there * units.factor(pair[1]) == pytest.approx(value * units.factor(pair[0]), rel=1e-14)


NAMES = st.sampled_from(["USD", "hour", "FLOP", "token", "byte", "year", "kWh", "bit"])


@given(NAMES, NAMES, st.integers(1, 3), st.sampled_from(["k", "M", "G", "Ki"]))
def test_a_rescaled_unit_rescales_the_factor(a, b, power, prefix):
    whole = units.factor(f"{a}**{power}/{b}")
    scale = units.factor(f"{prefix}byte")
    # A prefix does not stack on the one in kWh.
    if not a.startswith("k"):
        rescaled = units.factor(f"{prefix}{a}**{power}/{b}")
        assert rescaled == pytest.approx(scale**power * whole, rel=1e-14)
    assert whole == pytest.approx(units.factor(a) ** power / units.factor(b), rel=1e-14)


@given(st.floats(0.01, 100), st.sampled_from(["USD/hour", "GB", "percent", "kWh", "1"]))
def test_a_quantity_has_its_base_magnitude(value, unit):
    quantity = units.quantity(value, unit)
    assert units.base_magnitude(quantity) == pytest.approx(value * units.factor(unit), rel=1e-14)
    assert units.base_magnitude(value) == value


def test_check_names_the_unit_and_the_expected_one():
    cost = units.quantity(2.0, "FLOP") * units.quantity(3.0, "USD/hour")
    with pytest.raises(UnitError, match=r"its unit is 'FLOP\*USD/hour', expected 'USD'"):
        units.check(cost, "USD")
    units.check(cost, "FLOP*USD/s")


def test_a_bare_number_is_a_pure_number():
    units.check(0.5, "1")
    units.check(np.array([1.0, 2.0]), "percent")
    with pytest.raises(UnitError, match="its unit is '1', expected 'USD'"):
        units.check(0.5, "USD")


GOOD = [
    (lambda a, b: a * b, {"a": "USD/hour", "b": "year"}, "USD"),
    (lambda a, b: np.log(a / b), {"a": "hour", "b": "s"}, "1"),
    (lambda a, b: np.exp(-a * (b / b) ** -a), {"a": "1", "b": "USD"}, "1"),
    (lambda a, b: np.where(a > b, a, 0.0), {"a": "hour", "b": "s"}, "day"),
    (lambda a: np.minimum(a, 1.0) + np.sin(a) + np.log10(a) + np.log2(a), {"a": "percent"}, "1"),
    (lambda a: np.sqrt(a) + np.maximum(a, 0.0) ** 0.5, {"a": "s**2"}, "hour"),
    (lambda a, b: np.ceil(a / b) + np.floor(abs(a) / b), {"a": "GB", "b": "byte"}, "1"),
]
BAD = [
    (lambda a, b: a + b, {"a": "USD", "b": "s"}, "USD", "'USD' and 's' do not fit"),
    (lambda a: np.exp(a), {"a": "s"}, "1", "'s' and '1' do not fit"),
    (lambda a: a > 1, {"a": "s"}, "1", "do not fit"),
    (lambda a: np.ceil(a), {"a": "s"}, "s", "'s' and '1' do not fit"),
    (lambda a: np.floor(a), {"a": "USD/hour"}, "1", "do not fit"),
    (lambda a, b: a**b, {"a": "1", "b": "s"}, "1", "do not fit"),
    (lambda a, b: a**b, {"a": "s", "b": "1"}, "s", "expected 's'"),
    (lambda a: np.where(a > 0, a, 2.0), {"a": "s"}, "s", "do not fit"),
    (lambda a: 1.0 - a, {"a": "s"}, "s", "do not fit"),
    (lambda a: a * a, {"a": "s"}, "s", r"its unit is 's\*\*2', expected 's'"),
]


@pytest.mark.parametrize(("function", "parameters", "unit"), GOOD)
def test_functions_with_right_units_pass(function, parameters, unit):
    units.check_function(function, parameters, unit)


@pytest.mark.parametrize(("function", "parameters", "unit", "message"), BAD)
def test_functions_with_wrong_units_are_told(function, parameters, unit, message):
    with pytest.raises(UnitError, match=message):
        units.check_function(function, parameters, unit)


def test_rounding_does_not_depend_on_the_unit():
    shares = [units.quantity(*share) for share in [(1.5, "1"), (150.0, "percent")]]
    assert [units.base_magnitude(np.ceil(share)) for share in shares] == [2.0, 2.0]


def test_pint_itself_stays_as_it_is():
    import pint

    units.factor("s")
    assert np.ceil(pint.UnitRegistry().Quantity(1.5, "hour")).magnitude == 2.0


def test_threads_share_one_registry():
    script = """
from concurrent.futures import ThreadPoolExecutor
from flopcast import units
texts = ["kUSD/hour", "Mtoken", "GiB", "PFLOP/s"] * 8
with ThreadPoolExecutor(16) as pool:
    found = list(pool.map(lambda text: units.quantity(1.0, text), texts))
assert len({id(q._REGISTRY) for q in found}) == 1
assert [units.base_magnitude(q) for q in found] == [units.factor(text) for text in texts]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_results_do_not_depend_on_the_order_of_calls():
    texts = list(FACTORS) * 4
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(units.factor, texts)) == [FACTORS[text] for text in texts]


def test_importing_units_does_not_import_pint():
    script = "import sys; from flopcast import units; assert 'pint' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_registry_is_built_without_a_word(caplog):
    units._built_registry.cache_clear()
    units._parsed_once.cache_clear()
    units.factor("USD/hour")
    assert caplog.records == []
