"""From a scenario file to a :class:`~flopcast.scenario.Scenario`, or to all of its problems."""

import dataclasses
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from flopcast import schema
from flopcast.checks import Problems, check_names, describe, nearest
from flopcast.context import Context
from flopcast.dependence import NotPositiveDefinite, cholesky
from flopcast.inputs import is_broken, read_input
from flopcast.periods import Periods
from flopcast.scenario import Budget, Scenario, ScenarioError, shipped
from flopcast.sweeps import check_size, read_axes
from flopcast.units import UnitError, convert, parse_quantity
from flopcast.wiring import check_units, read_equations, resolve, units_of

MAX_FILE_BYTES = 1 << 20


def load(
    source: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> Scenario:
    """Read and check a scenario.

    Parameters
    ----------
    source : str, path or mapping
        The name of a shipped scenario, the path of a TOML file, or what TOML would give; CSV files
        named in a mapping are relative to the current folder.
    changes : mapping, optional
        Input to the number, text or table that replaces what the file gives.

    Raises
    ------
    ScenarioError
        With every problem of the file, each in a line: ``file: key: what is wrong``.
    """
    file, folder, content = _content(source)
    problems = Problems(file)
    document = source if isinstance(source, Mapping) else _parsed(content, problems)
    reading = _Reading(dict(document), Context(folder, problems))
    return reading.scenario(changes or {}, content)


def _content(source: str | Path | Mapping[str, Any]) -> tuple[str, Path, bytes]:
    """Return what to call a source, the folder its files are relative to, and its bytes."""
    if isinstance(source, Mapping):
        text = json.dumps(source, sort_keys=True, default=str)
        return str(source.get("name", "scenario")), Path(), text.encode()
    path = shipped().get(str(source), Path(source))
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ScenarioError([f"{source}: larger than 1 MiB; a scenario is a small text file"])
        return str(source), path.parent, path.read_bytes()
    except OSError as error:
        hint = "" if "/" in str(source) or "." in str(source) else nearest(str(source), shipped())
        reason = (error.strerror or str(error)).lower()
        raise ScenarioError(
            [f"{source}: {reason}; give a path or a shipped name (flopcast list){hint}"]
        ) from None


def _parsed(content: bytes, problems: Problems) -> dict[str, Any]:
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        problems.add("", "not UTF-8 text; a scenario is a TOML file")
    except tomllib.TOMLDecodeError as error:
        problems.add("", f"not TOML: {error}")
    except RecursionError:
        problems.add("", "not TOML: nested too deeply")
    else:
        if document:
            return document
        problems.add("", "empty; a scenario needs at least name, outputs and inputs")
    raise ScenarioError(problems.lines)


class _Reading:
    """One file on its way to a scenario; what is broken is noted and the rest still checked."""

    def __init__(self, document: dict[str, Any], context: Context):
        self.context = context
        self.problems = context.problems
        self.file = self._validated(document)
        context.periods = self._periods()
        self.outputs = [] if "outputs" in context.broken else self.file.outputs
        self.inputs = {
            name: read_input(context, f"inputs.{name}", name, form, None)
            for name, form in self.file.inputs.items()
        }

    def scenario(self, changes: Mapping[str, Any], content: bytes) -> Scenario:
        """Return the checked scenario, or raise with all problems."""
        context = self.context
        self._change(changes)
        own = read_equations(context, self.file.equations)
        axes = read_axes(context, self.file.sweep, self.inputs)
        check_names(self.problems, self.inputs, self.file.equations, axes)
        check_size(context, axes, len(self.outputs))
        resolution = resolve(context, self.outputs, self.inputs, own)
        units = units_of(context, resolution, self.inputs)
        check_units(context, resolution, own, self.inputs, units)
        unused = [name for name in self.inputs if name not in resolution.inputs]
        context.remarks += [f"inputs.{name} is not used by any output" for name in unused]
        scenario = Scenario(
            name=self.file.name,
            title=self.file.title or self.file.name,
            note=self.file.note,
            outputs=tuple(self.outputs),
            periods=context.periods,
            inputs=self.inputs,
            order=resolution.equations,
            defaults={name: e.defaults[name] for name, e in resolution.defaults.items()},
            units=units,
            correlations={},
            axes=axes,
            budgets={n: self._budget(n, b, units) for n, b in self.file.budgets.items()},
            nonfinite=self.file.nonfinite,
            sha256=_sha256(content, context),
            remarks=(),
            changes={name: str(value) for name, value in changes.items()},
        )
        correlations = self._correlations(scenario)
        if self.problems.lines:
            raise ScenarioError(self.problems.lines)
        return dataclasses.replace(
            scenario, correlations=correlations, remarks=tuple(context.remarks)
        )

    def _validated(self, document: dict[str, Any]) -> schema.ScenarioFile:
        """Return the file without its broken entries."""
        while True:
            try:
                return schema.ScenarioFile.model_validate(document)
            except ValidationError as error:
                document = _copied(document)
                for fault in error.errors(include_url=False):
                    key, message = describe(fault, document)
                    self.problems.add(".".join(map(str, key)), message)
                    self.context.broken |= _prune(document, key)

    def _periods(self) -> Periods | None:
        given = self.file.periods
        if given is None:
            return None
        pattern = r"[0-9]{1,4}" if given.step == "year" else r"[0-9]{4}-(0[1-9]|1[0-2])"
        fits = re.fullmatch(pattern, str(given.start)) is not None
        if fits and isinstance(given.start, int) == (given.step == "year"):
            return Periods(given.start, given.count, given.step)
        wanted = "a year such as 2026" if given.step == "year" else 'a month such as "2026-05"'
        self.problems.add(
            "periods.start", f"with step {given.step!r} expected {wanted}, got {given.start!r}"
        )
        self.context.broken.add("periods")
        return None

    def _change(self, changes: Mapping[str, Any]) -> None:
        """Replace inputs by what the command line or a caller says, as a case of a sweep would."""
        adapter: TypeAdapter[Any] = TypeAdapter(schema.Replacement)
        for name, value in changes.items():
            key = f"--set {name}"
            if name not in self.inputs:
                if name not in self.context.broken:
                    self.problems.add(key, f"no such input{nearest(name, self.inputs)}")
                continue
            try:
                form = adapter.validate_python(value)
            except ValidationError as error:
                for fault in error.errors(include_url=False):
                    place, message = describe(fault, value, "case")
                    self.problems.add(".".join([key, *map(str, place)]), message)
                continue
            base = self.inputs[name]
            self.inputs[name] = read_input(self.context, key, name, form, base)

    def _budget(self, name: str, given: schema.Budget, units: Mapping[str, str]) -> Budget:
        key = f"budgets.{name}"
        if name not in self.outputs:
            self.problems.add(key, f"is no output{nearest(name, self.outputs)}")
            return Budget((), given.confidence)
        limits = []
        for limit in given.limits:
            try:
                value, unit = parse_quantity(limit) if isinstance(limit, str) else (limit, None)
                limits.append(convert(value, unit, units[name]) if unit else float(value))
            except UnitError as error:
                self.problems.add(f"{key}.limits", str(error))
            except KeyError:  # the output's own problem has been told
                continue
        if len(set(limits)) < len(limits):
            self.problems.add(f"{key}.limits", "a limit stands there twice")
        return Budget(tuple(sorted(limits)), given.confidence)

    def _correlations(self, scenario: Scenario) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = {}
        for text, value in self.file.correlations.items():
            a, _, b = (part.strip() for part in text.partition(":"))
            fault = self._correlation_fault(scenario, a, b, value)
            if fault is None and ((a, b) in found or (b, a) in found):
                fault = "this pair stands there twice"
            if fault:
                self.problems.add(f"correlations.{text!r}", fault)
            elif {a, b} <= scenario.uncertain.keys():
                found[a, b] = value
            elif fault is None:
                constant = next(name for name in (a, b) if name not in scenario.uncertain)
                self.context.remarks.append(
                    f"correlations.{text!r} means nothing: {constant} is not uncertain"
                )
        self._check_positive(dataclasses.replace(scenario, correlations=found))
        return found

    def _correlation_fault(self, scenario: Scenario, a: str, b: str, value: float) -> str | None:
        """Return what is wrong with a pair; nothing said of what was told before."""
        known = {*scenario.inputs, *scenario.uncertain, *self.context.broken}
        unknown = [name for name in (a, b) if name not in known]
        if unknown:
            near = nearest(unknown[0], scenario.uncertain)
            return f'no such input {unknown[0]!r}; expected "input:input"{near}'
        if {a, b} & self.context.broken or any(is_broken(self.inputs.get(k)) for k in (a, b)):
            return ""
        if a == b:
            return "expected two different inputs"
        if not -1.0 < value < 1.0:
            return f"expected a number between -1 and 1, got {value:g}"
        return None

    def _check_positive(self, scenario: Scenario) -> None:
        for names, matrix in scenario.correlated_groups():
            try:
                cholesky(matrix)
            except NotPositiveDefinite:
                self.problems.add(
                    "correlations",
                    f"those of {', '.join(names)} contradict each other: no inputs can have them "
                    "all; bring them nearer to 0",
                )


def _sha256(content: bytes, context: Context) -> str:
    digest = hashlib.sha256(content)
    for table in context.tables.values():
        digest.update(table.content)
    return digest.hexdigest()


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _copied(v) for k, v in value.items()}
    return list(value) if isinstance(value, list) else value


def _prune(document: dict[str, Any], key: Sequence[Any]) -> set[str]:
    """Take a broken entry out of the document; return its name."""
    required = {"name": "unnamed", "outputs": ["-"]}
    if not key:
        document.clear()
        document.update(required)
        return set()
    section = key[0]
    if isinstance(document.get(section), dict) and len(key) > 1 and section != "periods":
        document[section].pop(key[1], None)
        return {str(key[1])}
    document.pop(section, None)
    if section in required:
        document[section] = required[section]
    return {str(section)}
