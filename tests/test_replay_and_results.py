"""Replayed draws, labels, provenance and the file."""

import numpy as np
import pytest
import xarray as xr

import flopcast as fc
from flopcast import results


def test_replay_shows_every_input_quantity_and_output():
    rows = fc.replay("assistant-budget", seed=1, draws=[0, 17, (1 << 36) - 1])
    assert list(rows["draw"].values) == [0, 17, (1 << 36) - 1]
    for name in (
        "token_rate",
        "token_rate.growth",
        "gpu_price.decline",
        "busy_gpus",
        "period_length",
        "total_bill",
    ):
        assert name in rows
    year = 365.25 * 86400
    np.testing.assert_allclose(rows["period_length"], year)
    bill = rows["busy_gpus"] * rows["gpu_price"] / 3600 * year
    np.testing.assert_allclose(rows["annual_bill"], bill, rtol=1e-14)
    np.testing.assert_allclose(rows["total_bill"], bill.sum("period"), rtol=1e-14)
    growth = (1 + rows["token_rate.growth"]) ** (rows["period"] - 2026)
    np.testing.assert_allclose(
        rows["token_rate"], rows["token_rate"].isel(period=0) * growth, rtol=1e-14
    )
    assert np.all(rows["gpu_price"].sel(provider="aws", period=2026) == 4.10)


@pytest.mark.parametrize("draws", [[-1], [1 << 36], [0.5], ["a"]])
def test_replay_refuses_what_is_no_draw(draws):
    with pytest.raises(ValueError, match="draws"):
        fc.replay("assistant-budget", draws=draws)


def test_every_variable_has_units_and_a_name():
    dataset = fc.forecast("assistant-budget", 1 << 10, seed=7, design="random")
    for name, variable in dataset.variables.items():
        assert "long_name" in variable.attrs, name
        assert "units" in variable.attrs, name
    assert dataset["busy_gpus"].dims == ("provider", "period", "quantile")
    assert dataset["total_bill_exceedance"].dims == ("provider", "total_bill_threshold")
    assert dataset["total_bill_expected_shortfall"].dims == ("provider", "quantile")
    assert list(dataset["provider"].values) == ["aws", "market", "lambda"]
    assert list(dataset["period"].values) == [2026, 2027, 2028, 2029, 2030]
    for key, value in {
        "title": "Five years of an assistant on rented GPUs",
        "scenario": "assistant-budget",
        "seed": 7,
        "draws": 1024,
        "design": "random",
        "flopcast_version": fc.__version__,
    }.items():
        assert dataset.attrs[key] == value
    assert len(dataset.attrs["scenario_sha256"]) == 64
    assert len(dataset.attrs["tables_sha256"]) == 64
    assert dataset.attrs["sources"] == "peak_flops: a16z"


def test_draws_are_rounded_up():
    for asked, done in ((1, 16), (16, 16), (17, 32), (1000, 1024), (1025, 2048)):
        assert fc.forecast("assistant-budget", asked).attrs["draws"] == done


def test_the_same_run_is_the_same_file(tmp_path):
    paths = [tmp_path / "a.nc", tmp_path / "b.nc"]
    for path in paths:
        results.save(fc.forecast("assistant-budget", 1 << 10), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(tmp_path.iterdir()) == paths
    with xr.open_dataset(paths[0], engine="h5netcdf") as read:
        xr.testing.assert_identical(read.load(), fc.forecast("assistant-budget", 1 << 10))


def test_months_survive_the_file(tmp_path):
    scenario = {
        "name": "months",
        "outputs": ["x"],
        "inputs": {"x": {"value": 1.0, "growth": 1.0}},
        "periods": {"start": "2026-11", "count": 4, "step": "month"},
        "sweep": {"place": {"über": {}, "b": {"x": 2.0}}},
    }
    dataset = fc.forecast(scenario, 16)
    results.save(dataset, tmp_path / "months.nc")
    with xr.open_dataset(tmp_path / "months.nc", engine="h5netcdf") as read:
        assert list(read["period"].values) == list(dataset["period"].values)
        assert list(read["place"].values) == ["über", "b"]


def test_a_failed_save_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="."):
        results.save(fc.forecast("assistant-budget", 16), tmp_path / "missing" / "x.nc")
    bad = fc.forecast("assistant-budget", 16).assign(x=("y", np.array([object()])))
    with pytest.raises(Exception, match="."):
        results.save(bad, tmp_path / "x.nc")
    assert list(tmp_path.iterdir()) == []


def test_a_large_seed_is_kept():
    assert int(fc.forecast("assistant-budget", 16, seed=2**64 - 1).attrs["seed"]) == 2**64 - 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"draws": 0}, "draws must be between"),
        ({"draws": 1 << 40}, "draws must be between"),
        ({"draws": 1e6}, "draws must be a whole number"),
        ({"seed": -1}, "seed must be between"),
        ({"seed": 1 << 64}, "seed must be between"),
        ({"design": "halton"}, "design must be one of sobol, random"),
        ({"quantiles": [0.5, 1.0]}, "quantiles must lie between 0 and 1"),
        ({"quantiles": []}, "at least one quantile"),
        ({"executor": "spark"}, "executor must be"),
        ({"threads": 0}, "threads must be at least 1"),
    ],
)
def test_arguments_out_of_range_are_told(arguments, words):
    with pytest.raises(ValueError, match=words):
        fc.forecast("assistant-budget", **arguments)


NONFINITE = {
    "name": "holes",
    "outputs": ["y"],
    "inputs": {"x": {"distribution": "uniform", "low": -1.0, "high": 9.0}},
    "equations": {"y": {"expression": "log(x)"}},
}


def test_a_draw_that_is_not_finite_is_told_with_its_inputs():
    with pytest.raises(fc.NonFiniteError, match=r"holes: y is nan in draw \d+; its inputs: x = -"):
        fc.forecast(NONFINITE, 1 << 10)


def test_draws_that_are_not_finite_are_counted_where_a_scenario_says_so():
    dataset = fc.forecast({**NONFINITE, "nonfinite": "count"}, 1 << 14)
    left_out = int(dataset["y_nonfinite"])
    assert abs(left_out - 0.1 * (1 << 14)) < 20
    rng = np.random.default_rng(0)
    values = np.log(rng.uniform(0.0, 9.0, 1_000_000))
    error = np.hypot(float(dataset["y_mean_stderr"]), 1e-3)
    assert abs(float(dataset["y_mean"]) - values.mean()) < 4 * error
    middle = float(dataset["y"].sel(quantile=0.5))
    assert abs(middle - np.log(4.5)) < 0.01
