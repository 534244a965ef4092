"""What takes minutes: coverage over hundreds of runs, memory over many draws, the wheel."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import flopcast as fc
from flopcast import api

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("design", ["sobol", "random"])
def test_intervals_cover_the_truth(design):
    scenario = fc.load(
        {
            "name": "truth",
            "outputs": ["x", "product"],
            "inputs": {
                "x": {"distribution": "normal", "mean": 3, "sd": 2},
                "a": {"distribution": "lognormal", "mean": 2, "sd": 1},
                "b": {"distribution": "lognormal", "mean": 5, "sd": 2},
            },
            "equations": {"product": {"expression": "a * b"}},
            "budgets": {"x": {"limits": [5.0]}},
        }
    )
    sds = [np.sqrt(np.log1p((sd / mean) ** 2)) for mean, sd in ((2, 1), (5, 2))]
    product = stats.lognorm(np.hypot(*sds), scale=10 / np.exp(np.hypot(*sds) ** 2 / 2))
    half_width = stats.t(15).ppf(0.975)
    levels = np.array(api.QUANTILES)
    truths = {
        "x": stats.norm(3, 2).ppf(levels),
        "x_mean": 3.0,
        "x_std": 2.0,
        "x_exceedance": np.array([stats.norm(3, 2).sf(5.0)]),
        "product": product.ppf(levels),
        "product_mean": product.mean(),
    }
    runs = 500
    covered = {name: np.zeros(np.shape(truth)) for name, truth in truths.items()}
    for seed in range(runs):
        dataset = fc.forecast(
            scenario, 1 << 13, seed=seed, design=design, quantiles=levels, executor="serial"
        )
        dataset = dataset.sel(quantile=levels)
        for name, truth in truths.items():
            errors = dataset[f"{name}_stderr"].values
            covered[name] += np.abs(dataset[name].values - truth) <= half_width * errors
    # One input alone under sobol is nearly exact: half a draw of rounding makes intervals of its
    # quantiles a little wide, and those far out, from few draws, a little narrow.
    alone = {"x": (0.85, 0.995)} if design == "sobol" else {}
    for name, count in covered.items():
        least, most = alone.get(name, (0.88, 0.985))
        assert np.all(count / runs >= least), (name, count / runs)
        assert np.all(count / runs <= most), (name, count / runs)


PEAK = """
import resource, sys, flopcast as fc
fc.forecast(sys.argv[1], int(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_draws():
    budget = ROOT / "benchmarks" / "budget.toml"

    def peak(draws):
        command = [sys.executable, "-c", PEAK, str(budget), str(draws)]
        return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    assert peak(1 << 26) - peak(1 << 20) < 16 * 1024


def test_the_wheel_holds_everything_and_runs_from_elsewhere(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT],
        check=True,
    )
    (wheel,) = tmp_path.glob("flopcast-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {p.relative_to(ROOT) for p in (ROOT / "scenarios").rglob("*") if p.is_file()}
    assert {f"flopcast/{path}" for path in shipped} <= names
    assert {"flopcast/py.typed", "flopcast_kernels/jit.py"} <= names
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "flopcast", "run", "gpu-prices", "--draws", "64"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "AWS" in done.stdout
    assert (tmp_path / "gpu-prices.nc").exists()
