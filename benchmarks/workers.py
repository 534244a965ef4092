"""Contenders, each in a process of its own, and rounds in which they take turns.

A module that competes has ``prepare(size, **options)``, which returns ``run(seed)``. Imports,
compilation and a first run come before the rounds, and are timed by themselves.
"""

import contextlib
import importlib
import multiprocessing
import statistics
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import machine

OURS = ("flopcast", "flopcast_kernels")
_PROCESSES = multiprocessing.get_context("spawn")
_here = False


def stay_in_this_process():
    """Run contenders on threads of this process: quick, and worth nothing as a measurement."""
    global _here
    _here = True


class Unavailable(Exception):
    """A contender cannot run on this machine; the message says what it lacks."""


@dataclass(frozen=True)
class Contender:
    label: str
    module: str
    size: int
    options: dict = field(default_factory=dict)


@dataclass
class Measured:
    contender: Contender
    missing: str = ""  # why it did not run
    preparing: float = 0.0  # seconds from starting its process to its first result
    seconds: list = field(default_factory=list)
    results: list = field(default_factory=list)
    memory: int = 0

    @property
    def nanoseconds(self):
        """Nanoseconds a draw (or whatever `size` counts), round by round."""
        return [second / self.contender.size * 1e9 for second in self.seconds]

    @property
    def median(self):
        return statistics.median(self.nanoseconds)

    def speed(self, reference):
        """Return the median over the rounds of how many times the reference's speed it has."""
        pairs = zip(reference.nanoseconds, self.nanoseconds, strict=True)
        return statistics.median(theirs / own for theirs, own in pairs)


def _prepared(contender):
    """Return a contender's ``run`` after a first run; an installed one that fails, raises."""
    try:
        run = importlib.import_module(contender.module).prepare(contender.size, **contender.options)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] in OURS:
            raise
        raise Unavailable(f"{error.name} is not installed") from None
    run(0)
    return run


def _serve(pipe, contender):
    """Run in the process of a contender until it is told to stop; what fails closes the pipe."""
    with pipe:
        try:
            run = _prepared(contender)
        except Unavailable as error:
            pipe.send(str(error))
            return
        pipe.send("")
        while (seed := pipe.recv()) is not None:
            start = time.perf_counter()
            result = run(seed)
            pipe.send((time.perf_counter() - start, result, machine.peak_memory()))


class Worker:
    """The process of one contender; a context manager."""

    def __init__(self, contender: Contender):
        self.measured = Measured(contender)
        self._pipe, other = _PROCESSES.Pipe()
        make = threading.Thread if _here else _PROCESSES.Process
        start = time.perf_counter()
        self._process = make(target=_serve, args=(other, contender), daemon=True)
        self._process.start()
        if not _here:
            other.close()
        self.measured.missing = self._answer()
        self.measured.preparing = time.perf_counter() - start

    def _answer(self) -> Any:
        try:
            return self._pipe.recv()
        except EOFError:
            self._process.join(10)  # until it has told why
            label = self.measured.contender.label
            raise RuntimeError(f"{label}: its process ended; see its messages above") from None

    def run(self, seed: int) -> Any:
        """Run once, untimed in the rounds; return the result."""
        self._pipe.send(seed)
        return self._answer()[1]

    def take_turn(self, seed: int) -> None:
        """Run once and note seconds, result and memory."""
        self._pipe.send(seed)
        seconds, result, self.measured.memory = self._answer()
        self.measured.seconds.append(seconds)
        self.measured.results.append(result)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with self._pipe, contextlib.suppress(BrokenPipeError):
            self._pipe.send(None)
        self._process.join(10)
        if not _here:
            self._process.kill()


def take_turns(workers, rounds):
    """Run all workers round after round, so that the machine's other work hits all alike."""
    running = [worker for worker in workers if not worker.measured.missing]
    for k in range(rounds):
        for worker in running:
            worker.take_turn(k + 1)
    return [worker.measured for worker in workers]
