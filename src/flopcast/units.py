"""Units: one registry of our own, and text to base units at the edge.

Everything inside flopcast is a plain number in base units (s, byte, FLOP, token, USD, W, J …).
Values meet their units here, when a scenario is read and when results are labelled.

The registry starts from nothing, because pint's own has no dimension for a byte and takes a
quarter for a mass. Each currency is its own dimension: there are no exchange rates here.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pint

_PREFIXES = (
    "nano=n=1e-9 micro=u=µ=1e-6 milli=m=1e-3 kilo=k=1e3 mega=M=1e6 giga=G=1e9 tera=T=1e12 "
    "peta=P=1e15 exa=E=1e18 zetta=Z=1e21 yotta=Y=1e24 ronna=R=1e27 quetta=Q=1e30 "
    "kibi=Ki=1024 mebi=Mi=1048576 gibi=Gi=1073741824 tebi=Ti=1099511627776 "
    "pebi=Pi=1125899906842624"
)

# Every step of the calendar is a whole number of seconds, so that its factor is exact.
_UNITS = """
s = [time] = _ = second = sec
minute = 60 s = min
hour = 3600 s = _ = h = hr
day = 86400 s = _ = d
week = 604800 s
month = 2629800 s
quarter = 7889400 s
year = 31557600 s = _ = yr
m = [length] = _ = meter = metre
kg = [mass]
gram = 0.001 kg = g
J = kg * m ** 2 / s ** 2 = _ = joule
W = kg * m ** 2 / s ** 3 = _ = watt
Wh = 3600 J
Hz = 1 / s = _ = hertz
radian = [] = rad
percent = 0.01
FLOP = [operations] = _ = flop
byte = [information] = B
bit = 0.125 byte
character = [character] = _ = char
"""

# Each of these measures only itself.
_OWN_KIND = (
    "token word sample pixel frame image request user GPU "
    "USD EUR GBP JPY CNY INR CHF CAD AUD KRW AED BRL CZK DKK HKD HUF IDR ILS MXN MYR NOK NZD "
    "PLN SAR SEK SGD THB TRY TWD VND ZAR"
)

_LONGEST_TEXT = 120
_FEWEST, _MOST = 1e-300, 1e300

_NAME = "[A-Za-zµ]+"
_POWER = r"(?:(?:\*\*|\^)-?[0-9](?:\.[0-9]{1,4})?)?"
_TERM = f"(?:1|{_NAME}{_POWER})"
_GROUP = rf"\({_TERM}(?:[*/]{_TERM})*\){_POWER}"
_UNIT_TEXT = re.compile(f"(?:{_TERM}|{_GROUP})(?:[*/](?:{_TERM}|{_GROUP}))*")
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")

_LOCK = threading.RLock()


class UnitError(ValueError):
    """A unit that is unknown, malformed or of the wrong kind."""


def factor(unit: str) -> float:
    """Give the number of base units in one `unit`.

    Its text is names with prefixes and plurals, joined by ``*``, ``/``, ``**`` and parentheses,
    such as ``"USD/hour"`` or ``"request/(user*month)"``; ``"1"`` is a pure number. The factor is
    exact to the last bit: 3600.0 for an hour, 1/3600 for USD/hour.

    Raises
    ------
    UnitError
        If the text is no unit, with the nearest names.
    """
    return _parsed(unit)[1]


def parse_quantity(text: str) -> tuple[float, str]:
    """Split ``"4.10 USD/hour"`` into 4.10 and ``"USD/hour"``.

    A plain ``"0.3"`` has the unit ``"1"``. The unit's text is returned as written.

    Raises
    ------
    UnitError
        If there is no finite number in front, or what follows is no unit.
    """
    text = _checked_text(text, "quantity").strip()
    number = _NUMBER.match(text)
    if number is None:
        raise UnitError(f"expected a number and a unit such as '4.10 USD/hour', got {text!r}")
    value = _finite_number(number.group())
    unit = text[number.end() :].strip() or "1"
    try:
        factor(unit)
    except UnitError as error:
        raise UnitError(f"in {text!r}: {error}") from None
    return value, unit


def convert(value: float, unit: str, expected: str) -> float:
    """Bring `value` in `unit` to the declared unit `expected`.

    Raises
    ------
    UnitError
        If the two measure different things; names both.
    """
    if not same_dimension(unit, expected):
        raise UnitError(f"expected a value in {expected!r}, got one in {unit!r}")
    given, wanted = factor(unit), factor(expected)
    return value if given == wanted else value * given / wanted


def same_dimension(a: str, b: str) -> bool:
    """Tell whether two unit texts measure the same thing."""
    return bool(_parsed(a)[0].dimensionality == _parsed(b)[0].dimensionality)


def quantity(value: Any, unit: str) -> pint.Quantity[Any]:
    """Make a pint quantity of `value` (a number or an array) in `unit`."""
    return _registry().Quantity(value, _parsed(unit)[0])


def base_magnitude(quantity: Any) -> Any:
    """Give the number or array in base units; what is no quantity comes back as it is."""
    if not isinstance(quantity, _registry().Quantity):
        return quantity
    return quantity.to_base_units().magnitude


def check(quantity: Any, expected: str) -> None:
    """Refuse a result whose unit is of another kind than `expected`.

    A bare number passes only where `expected` is a pure number.

    Raises
    ------
    UnitError
        Names the result's own unit and the expected one.
    """
    wanted = _parsed(expected)[0]
    own = getattr(quantity, "units", _registry().dimensionless)
    if own.dimensionality != wanted.dimensionality:
        raise UnitError(f"its unit is {_text(own)!r}, expected {expected!r}")


def check_function(function: Callable[..., Any], units: Mapping[str, str], expected: str) -> None:
    """Call `function` with a quantity in base units for each parameter, and check the result.

    `units` has the unit text of each parameter and `expected` that of the result; the function is
    called by keyword.

    Raises
    ------
    UnitError
        If units inside do not fit together, or the result is not in a unit like `expected`.
    """
    import pint

    # Distinct values away from 0 and 1; what they make does not matter, only its unit.
    arguments = {
        name: quantity(np.float64(0.375 + 0.25 * place), unit).to_base_units()
        for place, (name, unit) in enumerate(units.items())
    }
    try:
        with np.errstate(all="ignore"):
            result = function(**arguments)
    except pint.DimensionalityError as error:
        raise UnitError(
            f"the units {_text(error.units1)!r} and {_text(error.units2)!r} do not fit together"
        ) from None
    except ValueError as error:  # what pint raises for a comparison with a bare number
        raise UnitError(f"units do not fit together: {error}") from None
    check(result, expected)


def _registry() -> pint.UnitRegistry[Any]:
    # functools.cache alone may build two when threads race, and their quantities do not mix.
    with _LOCK:
        return _built_registry()


@functools.cache
def _built_registry() -> pint.UnitRegistry[Any]:
    import pint

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(None)
    _round_pure_numbers_only(registry.Quantity)
    for prefix in _PREFIXES.split():
        name, *symbols, scale = prefix.split("=")
        registry.define(" = ".join([f"{name}-", scale, *(f"{symbol}-" for symbol in symbols)]))
    for line in _UNITS.strip().splitlines():
        registry.define(line)
    for name in _OWN_KIND.split():
        registry.define(f"{name} = [{name}]")
    return registry


def _round_pure_numbers_only(quantity_class: Any) -> None:
    """Make floor and ceil refuse units; pint rounds 90 min and 1.5 hours to different times.

    The class belongs to our registry alone, so pint stays as it is for everyone else.
    """
    usual = quantity_class.__array_ufunc__

    def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if ufunc in (np.floor, np.ceil):
            inputs = (self.to("dimensionless").to_base_units(),)
        return usual(self, ufunc, method, *inputs, **options)

    quantity_class.__array_ufunc__ = array_ufunc


def _parsed(text: str) -> tuple[pint.Unit, float]:
    text = _checked_text(text, "unit")
    with _LOCK:
        return _parsed_once(text)


@functools.lru_cache(maxsize=4096)
def _parsed_once(text: str) -> tuple[pint.Unit, float]:
    plain = re.sub(r"\s*([*/^()])\s*", r"\1", text.strip()).replace("%", "percent")
    if not _UNIT_TEXT.fullmatch(plain):
        raise UnitError(f"{text!r} is not a unit; write one such as 'USD/hour' or '1'")
    registry = _registry()
    for name in re.findall(_NAME, plain):
        if not registry.parse_unit_name(name):
            raise UnitError(f"unknown unit {name!r}{_nearest(name)}")
    unit = registry.parse_units(plain)
    return unit, _exact_factor(unit, text)


def _exact_factor(unit: pint.Unit, text: str) -> float:
    """Multiply in fractions and round once, so that USD/hour is 1/3600 and not near it."""
    registry = _registry()
    product: Any = Fraction(1)
    for name, power in registry.Quantity(1, unit).unit_items():
        exponent: Any = power
        scale: Any = registry.get_base_units(name)[0]
        product *= Fraction(repr(float(scale))) ** Fraction(exponent)
    if not _FEWEST < product < _MOST:
        raise UnitError(f"the unit {text!r} is too large or too small to compute with")
    return float(product)


def _checked_text(text: str, what: str) -> str:
    if not isinstance(text, str):
        raise UnitError(f"expected a {what} as text, got {text!r}")
    if len(text) > _LONGEST_TEXT:
        raise UnitError(f"the {what} {text[:20]!r}… is longer than {_LONGEST_TEXT} characters")
    return text


def _finite_number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UnitError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is too large a number")
    return value


def _nearest(name: str) -> str:
    known = {known.casefold(): known for known in reversed(_names())}
    close = difflib.get_close_matches(name.casefold(), known)
    return "; did you mean " + " or ".join(known[key] for key in close) + "?" if close else ""


def _names() -> list[str]:
    lines = [line.split(" = ") for line in _UNITS.strip().splitlines()]
    names = [name for first, _, *others in lines for name in [first, *others]]
    return [name for name in names if name != "_"] + _OWN_KIND.split()


def _text(unit: Any) -> str:
    """Write a unit of pint as a person would: ``FLOP*USD/s``."""
    unit = _registry().Unit(unit)
    return "1" if unit.dimensionless else format(unit, "~C")
