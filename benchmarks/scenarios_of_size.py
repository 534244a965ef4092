"""Scenarios of any size, as the mapping that a TOML file would give."""

import tomllib

import model

PRICE = {"distribution": "lognormal", "p5": 1.1, "p95": 4.1}
SHARE = {"distribution": "pert", "low": 0.15, "mode": 0.3, "high": 0.5}
TERMS = 20  # of one expression


def budget():
    return tomllib.loads(model.SCENARIO.read_text())


def with_inputs(count):
    """Return the sum of `count` inputs, lognormal and PERT in turn; no expression is long."""
    inputs = {f"x{k}": (PRICE, SHARE)[k % 2] for k in range(count)}
    parts = [list(inputs)[first : first + TERMS] for first in range(0, count, TERMS)]
    sums = {f"sum{k}": {"expression": " + ".join(names)} for k, names in enumerate(parts)}
    return {
        "name": "inputs",
        "inputs": inputs,
        "equations": sums | {"y": {"expression": " + ".join(sums)}},
        "outputs": ["y"],
    }


def with_outputs(count):
    """Return `count` outputs of two inputs, a product and a sum each."""
    outputs = {f"y{k}": {"expression": f"a * b + {k + 1} * a"} for k in range(count)}
    inputs = {"a": PRICE, "b": SHARE}
    return {"name": "outputs", "inputs": inputs, "equations": outputs, "outputs": list(outputs)}


def with_periods(count):
    """Return a bill of `count` months, its price and its demand changing."""
    return {
        "name": "periods",
        "periods": {"start": "2026-01", "count": count, "step": "month"},
        "inputs": {
            "price": PRICE | {"decline": SHARE},
            "demand": PRICE | {"growth": SHARE},
        },
        "equations": {"bill": {"expression": "price * demand"}},
        "outputs": ["bill"],
    }


def with_cases(count):
    """Return `budget` at `count` levels of one price; one case is a plain run of it."""
    document = budget()
    levels = [1.0 + 3.0 * k / count for k in range(count)]
    if count == 1:
        return case_of(levels[0])
    cases = {f"case{k}": {"gpu_price": {"value": level}} for k, level in enumerate(levels)}
    return document | {"sweep": {"offer": cases}}


def case_of(level):
    document = budget()
    document["inputs"]["gpu_price"] = {"value": level, "unit": "USD/hour"}
    return document
