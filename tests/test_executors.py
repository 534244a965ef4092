"""Executors: an ordered map with bounded work in flight."""

import threading

import pytest

import flopcast as fc
from flopcast.executors import Dask, Serial, Threads, executor_for


@pytest.mark.parametrize("executor", [Serial(), Threads(1), Threads(3)])
def test_results_come_in_the_order_of_the_tasks(executor):
    assert list(executor.map(lambda k: k * k, range(50))) == [k * k for k in range(50)]


def test_no_more_tasks_are_under_way_than_workers_and_one():
    started, taken = [], []
    lock = threading.Lock()

    def work(k):
        with lock:
            started.append(k)
        return k

    for result in Threads(2).map(work, range(40)):
        taken.append(result)
        assert len(started) <= len(taken) + 3
    assert taken == list(range(40))


def test_an_error_reaches_the_caller():
    def work(k):
        if k == 7:
            raise ArithmeticError("seven")
        return k

    with pytest.raises(ArithmeticError, match="seven"):
        list(Threads(2).map(work, range(100)))


def test_executors_by_name():
    assert isinstance(executor_for(None, 2), Threads)
    assert isinstance(executor_for("serial", None), Serial)
    with pytest.raises(ValueError, match="Dask client"):
        executor_for("mpi", None)


def test_a_dask_client_gives_the_same_bits():
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None
    ) as client:
        assert isinstance(executor_for(client, None), Dask)
        there = fc.forecast("assistant-budget", 1 << 14, executor=client)
    here = fc.forecast("assistant-budget", 1 << 14, executor="serial")
    assert there.identical(here)
