"""Problems of a scenario file in people's words: where, what is wrong, what is allowed."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flopcast import schema
from flopcast.expressions import FUNCTION_NAMES
from flopcast.scenario import Axis

RESERVED = ("quantile", "period", "draw", "input", "input_2", "period_length")
SUFFIXES = (
    "mean std stderr exceedance expected_shortfall threshold nonfinite reliable "
    "first total second shapley spearman src delta"
).split()
_LONGEST_VALUE = 60


class Problems:
    """The problems of one file, in the order in which they are found.

    Attributes
    ----------
    lines : list of str
    """

    def __init__(self, file: str):
        self.file = file
        self.lines: list[str] = []

    def add(self, key: str, message: str) -> None:
        """Note a problem, once."""
        line = ": ".join(part for part in (self.file, key, message) if part)
        if line not in self.lines:
            self.lines.append(line)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint at the known name that is most like another, or nothing."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def describe(
    fault: Mapping[str, Any], document: Any, kind: str = "input"
) -> tuple[tuple[Any, ...], str]:
    """Turn one of pydantic's errors into the key and the message of a problem.

    Parameters
    ----------
    fault : mapping
        As ``ValidationError.errors`` gives it.
    document : mapping
        What was validated: the fault's place has the names of forms in it, which are no keys.
    kind : str
        What forms those are: ``input`` or ``case``.
    """
    key = tuple(_real_keys(fault["loc"], document, fault["type"]))
    value = fault.get("input")
    match fault["type"]:
        case "extra_forbidden":
            allowed = _allowed(fault["loc"], kind)
            return key, f"unknown key; allowed: {', '.join(allowed)}{nearest(str(key[-1]), allowed)}"
        case "missing":
            return key, "missing"
        case "union_tag_invalid":
            name = str(value.get("distribution")) if isinstance(value, dict) else str(value)
            known = sorted(schema.DISTRIBUTIONS)
            if isinstance(value, dict) and "distribution" not in value:
                return key, "expected value or distribution"
            return (*key, "distribution"), (
                f"unknown distribution {name!r}; known: {', '.join(known)}{nearest(name, known)}"
            )
        case "string_pattern_mismatch":
            return key, f"expected letters, digits, '.', '_' or '-', at most 100, got {_short(value)}"
    message = str(fault["msg"])
    return key, f"{message[0].lower()}{message[1:]}, got {_short(value)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + " …"


def _real_keys(place: Sequence[Any], document: Any, kind: str) -> Iterable[Any]:
    for k, part in enumerate(place):
        if isinstance(document, Mapping) and part in document:
            document = document[part]
        elif isinstance(document, list) and isinstance(part, int):
            document = document[part]
        elif kind != "missing" or k < len(place) - 1:
            continue
        yield part


def _allowed(place: Sequence[Any], kind: str) -> list[str]:
    """Return the keys of the innermost table that a fault's place names."""
    model: Any = schema.ScenarioFile
    kind = "case" if place[0] == "sweep" else kind
    for part in place[:-1]:
        kind = "rate" if part in ("growth", "decline") else kind
        form = schema.FORMS[kind].get(part)
        model = form if hasattr(form, "model_fields") else schema.TABLES.get(part, model)
    return list(model.model_fields)


def check_names(
    problems: Problems,
    inputs: Iterable[str],
    equations: Iterable[str],
    axes: Sequence[Axis],
) -> None:
    """Note names that cannot be used, or that two things have."""
    quantities = {**{k: "inputs" for k in inputs}, **{k: "equations" for k in equations}}
    for name, section in [*quantities.items(), *((axis.name, "sweep") for axis in axes)]:
        fault = _name_fault(name)
        if fault:
            problems.add(f"{section}.{name}", fault)
    for axis in axes:
        if axis.name in quantities:
            problems.add(f"sweep.{axis.name}", "an input or equation has this name; choose another")


def _name_fault(name: str) -> str:
    if not name.isidentifier() or not name.isascii():
        return "expected a name of letters, digits and _, no digit first"
    if name in RESERVED or name in FUNCTION_NAMES:
        return "this name is reserved; choose another"
    suffix = next((s for s in SUFFIXES if name.endswith(f"_{s}")), "")
    return f"names that end in _{suffix} are reserved for results; choose another" if suffix else ""
