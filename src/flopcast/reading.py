"""From a scenario file to a :class:`~flopcast.scenario.Scenario`, or to all of its problems."""

import dataclasses
import hashlib
import itertools
import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from flopcast import graph, schema
from flopcast.checks import Problems, check_names, describe, nearest
from flopcast.dependence import NotPositiveDefinite, cholesky
from flopcast.equations import EQUATIONS, Equation
from flopcast.expressions import ExpressionError, parse
from flopcast.periods import Periods
from flopcast.scenario import Axis, Budget, Input, Scenario, ScenarioError, shipped
from flopcast.tabular import CsvTable, TableReadError, read_csv
from flopcast.units import UnitError, check_function, convert, factor, parse_quantity
from flopcast.units import same_dimension

MAX_FILE_BYTES = 1 << 20
MAX_CELLS = 1_000_000


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
    return _Reading(dict(document), folder, content, problems).scenario(changes or {})


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

    def __init__(
        self, document: dict[str, Any], folder: Path, content: bytes, problems: Problems
    ):
        self.folder = folder
        self.problems = problems
        self.remarks: list[str] = []
        self.tables: dict[str, CsvTable] = {}
        self.content = content
        self.file, self.broken = self._validated(document)
        self.periods = self._periods()
        self.inputs: dict[str, Input] = {}
        self.equations: dict[str, Equation] = {}
        self.outputs = () if "outputs" in self.broken else tuple(self.file.outputs)

    def scenario(self, changes: Mapping[str, Any]) -> Scenario:
        """Return the checked scenario, or raise with all problems."""
        self.inputs = {n: self._input(n, form, None) for n, form in self.file.inputs.items()}
        self._change(changes)
        self.equations = {n: self._equation(n, e) for n, e in self.file.equations.items()}
        axes = tuple(self._axis(name, axis) for name, axis in self.file.sweep.items())
        check_names(self.problems, self.inputs, self.equations, axes, self.broken)
        resolution = self._resolve()
        units = self._units(resolution)
        self._check_units(resolution, units)
        self._check_axes(axes)
        budgets = {n: self._budget(n, b, units) for n, b in self.file.budgets.items()}
        self._check_size(axes)
        scenario = Scenario(
            name=self.file.name,
            title=self.file.title or self.file.name,
            note=self.file.note,
            outputs=self.outputs,
            periods=self.periods,
            inputs=self.inputs,
            order=resolution.equations,
            defaults={k: e.defaults[k] for k, e in resolution.defaults.items()},
            units=units,
            correlations={},
            axes=axes,
            budgets=budgets,
            nonfinite=self.file.nonfinite,
            sha256=self._sha256(),
            remarks=(*self.remarks, *self._unused(resolution)),
            changes={name: str(value) for name, value in changes.items()},
        )
        correlations = self._correlations(scenario)
        if self.problems.lines:
            raise ScenarioError(self.problems.lines)
        return dataclasses.replace(scenario, correlations=correlations)

    # --- the form of the file -------------------------------------------------------------

    def _validated(self, document: dict[str, Any]) -> tuple[schema.ScenarioFile, set[str]]:
        """Return the file without its broken entries, and the names of those."""
        broken: set[str] = set()
        while True:
            try:
                return schema.ScenarioFile.model_validate(document), broken
            except ValidationError as error:
                document = _copied(document)
                for fault in error.errors(include_url=False):
                    key, message = describe(fault, document)
                    self.problems.add(".".join(map(str, key)), message)
                    broken |= _prune(document, key)

    def _periods(self) -> Periods | None:
        given = self.file.periods
        if given is None:
            return None
        periods = Periods(given.start, given.count, given.step)
        wanted = "a year such as 2026" if given.step == "year" else 'a month such as "2026-05"'
        try:
            fits = isinstance(given.start, int) == (given.step == "year")
            fits = fits and 1 <= int(str(given.start).split("-")[0]) <= 9999 - given.count
            fits = fits and (given.step == "year" or len(str(given.start)) == len("2026-05"))
            periods.labels()
        except ValueError:
            fits = False
        if not fits:
            self.problems.add(
                "periods.start",
                f"with step {given.step!r} expected {wanted}, got {given.start!r}",
            )
            return None
        return periods

    # --- inputs ---------------------------------------------------------------------------

    def _change(self, changes: Mapping[str, Any]) -> None:
        """Replace inputs by what the command line or a caller says, as a case of a sweep would."""
        adapter: TypeAdapter[Any] = TypeAdapter(schema.Replacement)
        for name, value in changes.items():
            key = f"--set {name}"
            if name not in self.inputs:
                self.problems.add(key, f"no such input{nearest(name, self.inputs)}")
                continue
            try:
                form = adapter.validate_python(value)
            except ValidationError as error:
                for fault in error.errors(include_url=False):
                    place, message = describe(fault, value)
                    self.problems.add(".".join([key, *map(str, place)]), message)
                continue
            self.inputs[name] = self._input(name, form, self.inputs[name], key)

    def _input(self, name: str, form: Any, base: Input | None, key: str = "") -> Input:
        """Return an input; one of a case takes from `base` what it does not say itself."""
        key = key or f"inputs.{name}"
        unit = base.unit if base else "1"
        if isinstance(form, float | int):
            law: Any = (float(form),)
        elif isinstance(form, str):
            law, unit = self._quantity(key, form, unit if base else None)
        elif isinstance(form, schema.Keep):
            law, unit = base.law if base else (math.nan,), unit
        else:
            unit = self._unit(key, form.unit, base)
            law = self._law(key, form)
        plain = isinstance(form, float | int | str)
        each = base.each_period if base and (plain or form.each is None) else False
        given = Input(
            name=name,
            unit=unit,
            law=law,
            source="" if plain else form.source,
            note="" if plain else form.note,
            each_period=(each or (not plain and form.each is not None))
            and not isinstance(law, tuple),
            growth=self._rate(f"{name}.growth", key, None if plain else form.growth, base),
            decline=self._rate(f"{name}.decline", key, None if plain else form.decline, base),
        )
        self._check_periods(key, given, form)
        return given

    def _quantity(self, key: str, text: str, unit: str | None) -> tuple[tuple[float, ...], str]:
        try:
            value, own = parse_quantity(text)
            return ((value,), own) if unit is None else ((convert(value, own, unit),), unit)
        except UnitError as error:
            self.problems.add(key, str(error))
            return (math.nan,), unit or "1"

    def _unit(self, key: str, unit: str | None, base: Input | None) -> str:
        wanted = base.unit if base else "1"
        try:
            if unit is not None:
                factor(unit)
                if base is not None and not same_dimension(unit, wanted):
                    raise UnitError(f"{unit!r} is not a unit like the input's own, {wanted!r}")
        except UnitError as error:
            self.problems.add(f"{key}.unit", str(error))
            return wanted
        return wanted if unit is None else unit

    def _law(self, key: str, form: Any) -> Any:
        """Return a distribution, or the numbers of a constant."""
        if isinstance(form, schema.Constant):
            return tuple(form.value) if isinstance(form.value, list) else (form.value,)
        kind = schema.DISTRIBUTIONS[form.distribution]
        law: Any = kind(**{k: getattr(form, k) for k in kind.model_fields})
        if getattr(law, "file", None) is not None:
            try:
                table = self._table(law.file).select(law.where or {})
                values, blank = table.numbers(law.column)
            except TableReadError as error:
                self.problems.add(key, str(error))
                return (math.nan,)
            if blank:
                self.remarks.append(f"{key}: {blank} blank cells of {law.column!r} were skipped")
            law = law.with_values(values)
        faults = law.problems()
        for parameter, message in faults:
            self.problems.add(f"{key}.{parameter}" if parameter else key, message)
        if faults:
            return (math.nan,)
        return law if law.constant_value is None else (float(law.constant_value),)

    def _rate(self, name: str, key: str, form: Any, base: Input | None) -> Input | None:
        kind = name.rpartition(".")[2]
        if form is None:
            return getattr(base, kind) if base else None
        key = f"{key}.{kind}"
        plain = isinstance(form, float | int)
        law = (float(form),) if plain else self._law(key, form)
        each = not plain and form.each is not None and not isinstance(law, tuple)
        rate = Input(name, "1", law, each_period=each, **_said(form))
        low, high = law.support() if rate.is_uncertain else (min(law), max(law))
        if kind == "growth" and high <= -1.0:
            self.problems.add(key, f"a growth of {high:g} a year leaves nothing; above -1 wanted")
        if kind == "decline" and low >= 1.0:
            self.problems.add(key, f"a decline of {low:g} a year leaves nothing; below 1 wanted")
        self._check_periods(key, rate, form)
        return rate

    def _check_periods(self, key: str, given: Input, form: Any) -> None:
        """Note what needs periods that the scenario does not have, or does not fit them."""
        moved = bool(given.rates) and "." not in given.name
        listed = isinstance(given.law, tuple) and isinstance(getattr(form, "value", None), list)
        if self.periods is None:
            if "periods" not in self.broken and (moved or listed or getattr(form, "each", None)):
                self.problems.add(
                    key, "growth, decline, each and a list of values need a [periods] table"
                )
        elif listed and len(given.law) != self.periods.count:  # type: ignore[arg-type]
            self.problems.add(
                f"{key}.value",
                f"{len(given.law)} values for {self.periods.count} periods",  # type: ignore[arg-type]
            )
        elif listed and moved:
            self.problems.add(key, "has a value a period and growth or decline; choose one")

    # --- equations ------------------------------------------------------------------------

    def _equation(self, name: str, given: schema.Equation) -> Equation:
        key = f"equations.{name}"
        try:
            factor(given.unit)
        except UnitError as error:
            self.problems.add(f"{key}.unit", str(error))
            self.broken.add(name)
        try:
            expression = parse(given.expression)
            names = expression.names
        except ExpressionError as error:
            self.problems.add(f"{key}.expression", str(error))
            self.broken.add(name)
            expression, names = None, ()  # type: ignore[assignment]
        return Equation(
            name=name,
            function=expression,
            unit=given.unit,
            source=given.source,
            parameters=dict.fromkeys(names, ""),
            defaults={},
            summary=given.note or given.expression,
            symbol="",
            validity="",
            notes=(),
        )

    def _resolve(self) -> graph.Resolution:
        given = {*self.inputs, *self.broken}
        if self.periods is not None or "periods" in self.broken:
            given.add("period_length")
        own = {n: e for n, e in self.equations.items() if n not in self.broken}
        resolution = graph.resolve(self.outputs, given, own, EQUATIONS)
        for k, name in enumerate(self.outputs):
            if name in self.outputs[:k]:
                self.problems.add("outputs", f"{name!r} stands there twice")
        known = {*given, *own, *EQUATIONS}
        for missing in resolution.missing:
            self.problems.add(*_missing(missing, known))
        if resolution.cycle:
            self.problems.add(
                "equations",
                f"{' needs '.join(resolution.cycle)}: a circle; give one of them in [inputs]",
            )
        return resolution

    def _units(self, resolution: graph.Resolution) -> dict[str, str]:
        units = {name: given.unit for name, given in self.inputs.items()}
        units |= {rate.name: "1" for given in self.inputs.values() for rate in given.rates}
        units |= {name: e.parameters[name] for name, e in resolution.defaults.items()}
        units |= {e.name: e.unit for e in resolution.equations}
        return units | ({"period_length": "s"} if self.periods else {})

    def _check_units(self, resolution: graph.Resolution, units: Mapping[str, str]) -> None:
        for equation in resolution.equations:
            if equation.name in self.equations:
                self._check_expression(equation, units)
                continue
            for name, wanted in equation.parameters.items():
                if name in units and not same_dimension(units[name], wanted):
                    kind = "inputs" if name in self.inputs else "equations"
                    self.problems.add(
                        f"{kind}.{name}",
                        f"has the unit {units[name]!r}, but {equation.name} expects {wanted!r}",
                    )

    def _check_expression(self, equation: Equation, units: Mapping[str, str]) -> None:
        if self.broken & {equation.name, *equation.parameters} - set(self.inputs):
            return
        known = {name: units[name] for name in equation.parameters if name in units}
        if len(known) < len(equation.parameters):
            return
        try:
            check_function(equation.function, known, equation.unit)
        except UnitError as error:
            self.problems.add(f"equations.{equation.name}.expression", str(error))
        except TypeError as error:
            self.problems.add(f"equations.{equation.name}.expression", str(error))

    def _unused(self, resolution: graph.Resolution) -> Iterator[str]:
        for name in self.inputs:
            if name not in resolution.inputs:
                yield f"inputs.{name} is not used by any output"

    # --- sweeps, budgets, correlations ------------------------------------------------------

    def _axis(self, name: str, given: Any) -> Axis:
        key = f"sweep.{name}"
        if isinstance(given, schema.Rows):
            return self._rows(name, given)
        cases = []
        for label, replaced in given.items():
            case = {}
            for k, form in replaced.items():
                case_key = f"{key}.{label}.{k}"
                if k in self.inputs:
                    case[k] = self._input(k, form, self.inputs[k], case_key)
                elif k not in self.broken:
                    self.problems.add(case_key, f"no such input{nearest(k, self.inputs)}")
            cases.append(case)
        if not cases:
            self.problems.add(key, "has no case; expected a table a case, or file and label")
        return Axis(name, tuple(given), tuple(cases))

    def _rows(self, name: str, given: schema.Rows) -> Axis:
        """Return the axis that runs over the rows of a CSV."""
        key = f"sweep.{name}"
        columns = {k: c for k, c in (given.__pydantic_extra__ or {}).items()}
        for k in [k for k in columns if k not in self.inputs]:
            if k not in self.broken:
                self.problems.add(f"{key}.{k}", f"no such input{nearest(k, self.inputs)}")
            del columns[k]
        units = {k: self._unit(f"{key}.{k}", c.unit, self.inputs[k]) for k, c in columns.items()}
        labels: list[str] = []
        cases: list[dict[str, Input]] = []
        try:
            table = self._table(given.file).select(given.where)
            table.require([*given.label, *(c.column for c in columns.values())])
            for line, row in table.rows:
                cells = {k: table.number(line, row, c.column) for k, c in columns.items()}
                if None not in cells.values():
                    labels.append(" ".join(row[column].strip() for column in given.label))
                    cases.append(
                        {k: self._cell(k, v, units[k]) for k, v in cells.items() if v is not None}
                    )
        except TableReadError as error:
            self.problems.add(key, str(error))
            return Axis(name, ("",), ({},))
        self._check_rows(key, given, labels, len(table.rows))
        return Axis(name, tuple(labels), tuple(cases))

    def _cell(self, name: str, value: float, unit: str) -> Input:
        return dataclasses.replace(
            self.inputs[name], law=(value,), unit=unit, each_period=False
        )

    def _check_rows(
        self, key: str, given: schema.Rows, labels: Sequence[str], rows: int
    ) -> None:
        if len(labels) < rows:
            self.remarks.append(f"{key}: {rows - len(labels)} rows with a blank cell were skipped")
        if not labels:
            self.problems.add(key, f"every row of {given.file} has a blank cell")
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            self.problems.add(
                f"{key}.label",
                f"{len(twice)} labels stand for several rows, such as {twice[0]!r}; "
                "name more columns in label",
            )

    def _check_axes(self, axes: Sequence[Axis]) -> None:
        for a, b in itertools.combinations(axes, 2):
            both = {k for case in a.cases for k in case} & {k for case in b.cases for k in case}
            for name in sorted(both):
                self.problems.add(f"sweep.{b.name}", f"sweep.{a.name} replaces {name} too")

    def _check_size(self, axes: Sequence[Axis]) -> None:
        cases = math.prod(len(axis.labels) for axis in axes)
        cells = cases * len(self.outputs) * (self.periods.count if self.periods else 1)
        if cells > MAX_CELLS:
            self.problems.add(
                "sweep",
                f"{cells:,} results ({cases:,} cases x outputs x periods); at most {MAX_CELLS:,}",
            )

    def _budget(self, name: str, given: schema.Budget, units: Mapping[str, str]) -> Budget:
        key = f"budgets.{name}"
        if name not in self.outputs:
            self.problems.add(key, f"is no output{nearest(name, self.outputs)}")
            return Budget((), given.confidence)
        limits = []
        for limit in given.limits:
            try:
                if isinstance(limit, str):
                    value, unit = parse_quantity(limit)
                    limit = convert(value, unit, units.get(name, unit))
                limits.append(float(limit))
            except UnitError as error:
                self.problems.add(f"{key}.limits", str(error))
        if len(set(limits)) < len(limits):
            self.problems.add(f"{key}.limits", "a limit stands there twice")
        return Budget(tuple(sorted(set(limits))), given.confidence)

    def _correlations(self, scenario: Scenario) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = {}
        for text, value in self.file.correlations.items():
            key = f"correlations.{text!r}"
            a, _, b = (part.strip() for part in text.partition(":"))
            unknown = [k for k in (a, b) if k not in scenario.uncertain]
            if {a, b} & self.broken or any(self._is_nan(k) for k in (a, b)):
                continue
            if unknown:
                near = nearest(unknown[0], scenario.uncertain)
                self.problems.add(key, f"{unknown[0]!r} is not an uncertain input{near}")
            elif a == b or (a, b) in found or (b, a) in found:
                self.problems.add(key, "expected one entry for two different inputs")
            elif not -1.0 < value < 1.0:
                self.problems.add(key, f"expected a number between -1 and 1, got {value:g}")
            else:
                found[a, b] = value
        self._check_positive(dataclasses.replace(scenario, correlations=found))
        return found

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

    def _is_nan(self, name: str) -> bool:
        given = self.inputs.get(name)
        return given is not None and isinstance(given.law, tuple) and math.isnan(given.law[0])

    # --- files ----------------------------------------------------------------------------

    def _table(self, name: str) -> CsvTable:
        if name not in self.tables:
            self.tables[name] = read_csv(self.folder / name, name)
        return self.tables[name]

    def _sha256(self) -> str:
        digest = hashlib.sha256(self.content)
        for table in self.tables.values():
            digest.update(table.content)
        return digest.hexdigest()


def _said(form: Any) -> dict[str, str]:
    return {k: getattr(form, k, "") for k in ("source", "note")}


def _missing(missing: graph.Missing, known: Sequence[str] | set[str]) -> tuple[str, str]:
    near = nearest(missing.name, known)
    if missing.wanted_by is None:
        return "outputs", f"nothing makes {missing.name!r}{near}"
    wanted = missing.wanted_by
    unit = wanted.parameters.get(missing.name) or "any unit"
    return (
        f"inputs.{missing.name}",
        f"missing (unit {unit}); {wanted.name} needs it: {wanted.summary}{near}",
    )


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
