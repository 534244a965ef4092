"""flopcast alone: series of forecasts that grow in one way, in one process."""

import functools
import time

import scenarios_of_size

import flopcast as fc

RUN_BY_RUN = "run by run"


def _forecasts(scenarios, draws, threads, seed):
    for scenario in scenarios:
        fc.forecast(scenario, draws, seed, threads=threads)


def _work(task):
    """Return what runs a task: what grows, how large it is, its draws and threads."""
    kind, size, draws, threads = task
    if kind == "draws":
        scenarios = [fc.load(scenarios_of_size.budget())]
    elif kind == RUN_BY_RUN:
        levels = [1.0 + 3.0 * k / size for k in range(size)]
        scenarios = [fc.load(scenarios_of_size.case_of(level)) for level in levels]
    else:
        scenarios = [fc.load(getattr(scenarios_of_size, f"with_{kind}")(size))]
    return functools.partial(_forecasts, scenarios, draws, threads)


def prepare(_, tasks):
    works = [_work(task) for task in tasks]

    def run(seed):
        """Return the seconds of every task."""
        seconds = []
        for work in works:
            start = time.perf_counter()
            work(seed)
            seconds.append(time.perf_counter() - start)
        return seconds

    return run
