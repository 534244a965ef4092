"""The benchmarks stay alive, and both sides of them do the same work."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import flopcast as fc

FOLDER = Path(__file__).parents[1] / "benchmarks"


def test_a_tiny_run_writes_its_report(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            FOLDER / "run.py",
            "--draws",
            "4096",
            "--rounds",
            "1",
            "--report",
            tmp_path / "benchmarks.md",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / "benchmarks.md").read_text() == done.stdout.removesuffix("\n")
    assert "| NumPy (Generator, SFC64) |" in done.stdout


def test_both_sides_of_the_budget_agree(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    numpy_budget = pytest.importorskip("numpy_budget")
    draws = 1 << 18
    found = numpy_budget.run(draws)
    dataset = fc.forecast(FOLDER / "budget.toml", draws, quantiles=numpy_budget.LEVELS)
    for row, name in enumerate(numpy_budget.OUTPUTS):
        quantiles = dataset[name].sel(quantile=list(numpy_budget.LEVELS))
        np.testing.assert_allclose(found["quantiles"][row], quantiles, rtol=0.03)
        exceedance = float(dataset[f"{name}_exceedance"].values[0])
        assert abs(found["exceedance"][row] - exceedance) < 0.01
