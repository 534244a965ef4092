"""Measure the engine beside what a user would write: interleaved, compilation apart.

Run by ``make bench``. Prints a table and writes it to docs/benchmarks.md.
"""

import argparse
import datetime
import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import numpy_budget

import flopcast as fc

HERE = Path(__file__).parent
SCENARIO = HERE / "budget.toml"
REPORT = HERE.parent / "docs" / "benchmarks.md"


def contenders(draws):
    """Return the work under each name; each does all of it, from draws to statistics."""
    scenario = fc.load(SCENARIO)

    def forecast(**options):
        return fc.forecast(scenario, draws, quantiles=numpy_budget.LEVELS, **options)

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "NumPy (Generator, SFC64)": lambda: numpy_budget.run(draws),
        f"flopcast, sobol, {cores} threads": lambda: forecast(),
        f"flopcast, random, {cores} threads": lambda: forecast(design="random"),
        "flopcast, sobol, 1 thread": lambda: forecast(threads=1),
    }


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(draws, rounds):
    """Return the compilation's seconds, and the median seconds of each contender."""
    works = contenders(draws)
    cold = seconds(lambda: fc.forecast(SCENARIO, 16))
    for work in works.values():
        work()
    times = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    return cold, {name: statistics.median(found) for name, found in times.items()}


def processor():
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def report(draws, cold, medians):
    reference = next(iter(medians.values()))
    lines = [
        "# Benchmarks",
        "",
        "`budget`: 10 uncertain inputs, 8 outputs; mean, standard deviation, five quantiles and",
        "one exceedance of each (flopcast: with standard errors and expected shortfalls),",
        f"{draws:,} draws. Medians of interleaved runs in one process, made by `make bench`.",
        "",
        f"{processor()}, {os.cpu_count()} cores; Python {platform.python_version()}, "
        f"NumPy {version('numpy')}, Numba {version('numba')}, flopcast {fc.__version__}; "
        f"{datetime.date.today()}.",
        "",
        "| what | ns a draw | times NumPy's speed |",
        "|---|---|---|",
    ]
    for name, median in medians.items():
        lines.append(f"| {name} | {median / draws * 1e9:.3g} | {reference / median:.3g} |")
    lines += ["", f"First forecast of the process (loads or compiles the kernels): {cold:.3g} s."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1 << 22)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--report", type=Path, default=REPORT)
    options = parser.parse_args()
    text = report(options.draws, *measure(options.draws, options.rounds))
    options.report.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
