"""Indices to a Dataset: labels, units, provenance."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from flopcast.indices import Indices
from flopcast.results import axis_coordinates, long_name, provenance
from flopcast.scenario import Scenario
from flopcast.trials import TrialPlan
from flopcast_kernels.program import REPLICATES

_TITLES = {
    "_first": "share of the variance of {} that an input explains alone",
    "_total": "share of the variance of {} that an input explains, alone or with others",
}
_TITLES |= {f"{suffix}_stderr": f"standard error: {title}" for suffix, title in _TITLES.items()}
_TITLES["_nonfinite"] = "base points left out of {} because an evaluation is not finite"


def sensitivity_dataset(
    scenario: Scenario, plan: TrialPlan, design: str, indices: Indices
) -> xr.Dataset:
    """Label the indices of a run.

    Parameters
    ----------
    scenario : Scenario
    plan : TrialPlan
    design : str
    indices : Indices

    Returns
    -------
    xarray.Dataset
        As the interface of :func:`flopcast.sensitivity` says.
    """
    coordinates = axis_coordinates(scenario)
    about = {"units": "1", "long_name": "what is uncertain; a + joins correlated inputs"}
    coordinates["input"] = ("input", np.array(plan.inputs), about)
    draws = plan.points * REPLICATES
    attributes = provenance(scenario, plan.seed, draws, design)
    attributes["method"] = "sobol"
    attributes["evaluations"] = draws * (len(plan.inputs) + 2)
    attributes["tables_sha256"] = plan.tables_sha256
    variables = dict(_variables(scenario, plan, indices))
    return xr.Dataset(variables, coordinates, attributes)


def _variables(
    scenario: Scenario, plan: TrialPlan, indices: Indices
) -> Iterator[tuple[str, tuple[tuple[str, ...], NDArray[Any], dict[str, str]]]]:
    """Yield every variable; an output's cells come case by case, and in a case by period."""
    numbers: dict[str, NDArray[Any]] = {
        "_first": indices.first,
        "_first_stderr": indices.first_stderr,
        "_total": indices.total,
        "_total_stderr": indices.total_stderr,
    }
    if plan.count_nonfinite:
        numbers["_nonfinite"] = indices.nonfinite
    axes = tuple(axis.name for axis in scenario.axes)
    for output in scenario.outputs:
        cells = [k for k, cell in enumerate(plan.cells) if cell.output == output]
        has_periods = plan.cells[cells[0]].period >= 0
        dims = (*axes, *(("period",) if has_periods else ()), "input")
        shape = (*scenario.shape, *((scenario.period_count,) if has_periods else ()), -1)
        name = long_name(scenario, output)
        for suffix, values in numbers.items():
            about = {"units": "1", "long_name": _TITLES[suffix].format(name)}
            yield output + suffix, (dims, values[cells].reshape(shape), about)
