"""Write the engine's random words to stdout, or run dieharder over them.

The words are those that a forecast with ``design="random"`` consumes, four bytes each, the least
significant first. A pipe takes them to any test of randomness::

    python benchmarks/random_stream.py --order draw-major | dieharder -a -g 200

``--dieharder`` runs its tests one after the other on both orders, at the lowest priority, repeats
what comes out weak with more samples, and keeps docs/random-stream.md up to date as it goes.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path

import numba
import numpy as np

from flopcast_kernels.counter import fill_words
from flopcast_kernels.program import REPLICATES

INPUTS = 16
POINTS_OF_AN_INPUT = 1 << 22  # of each replicate: a stream of 2^26 words, then the next input's
POINTS_AT_ONCE = 1 << 10
ORDERS = ("draw-major", "input-major")
REPORT = Path(__file__).parents[1] / "docs" / "random-stream.md"
_SCRIPT = "benchmarks/random_stream.py"

# The tests of `dieharder -a` with their tuple lengths, the slow ones last; but for 14, "Diehard
# Sums", which dieharder's own list marks "Do Not Use".
_LAGS = (0, 1, 3, 7, 15, 31)
TESTS = (
    *((test, 0) for test in (*range(14), 15, 16, 17, 100, 101, 102, *range(204, 209))),
    (209, 12),
    *((200, length) for length in range(1, 13)),
    *((202, length) for length in range(2, 6)),
    *((201, length) for length in range(2, 6)),
    *((203, lag) for lag in _LAGS),
    *((203, lag) for lag in range(33) if lag not in _LAGS),
)


@numba.njit(nogil=True)
def _fill(words, first, replicate, stream, seed):
    """Fill an array with an input's words from a point on, as the engine does for a block."""
    fill_words(words, words.size, first, replicate, stream, seed)


def stream_of(name):
    """Return the 64 bits that stand for an input's name."""
    return np.uint64(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))


def draw_major(seed):
    """Yield the words of 16 inputs in draw 0, then in draw 1, and so on."""
    streams = [stream_of(f"input_{k}") for k in range(INPUTS)]
    words = np.empty((REPLICATES, INPUTS, POINTS_AT_ONCE), np.uint32)
    for first in range(0, 1 << 32, POINTS_AT_ONCE):
        for replicate, of_replicate in enumerate(words):
            for stream, of_input in zip(streams, of_replicate, strict=True):
                _fill(of_input, first, replicate, stream, np.uint64(seed))
        yield words.transpose(2, 0, 1).ravel()


def input_major(seed):
    """Yield all words of one input, replicate by replicate as tiles take them, then the next."""
    words = np.empty(min(POINTS_OF_AN_INPUT, 64 * POINTS_AT_ONCE), np.uint32)
    for number in count():
        stream = stream_of(f"input_{number}")
        for replicate in range(REPLICATES):
            for first in range(0, POINTS_OF_AN_INPUT, words.size):
                _fill(words, first, replicate, stream, np.uint64(seed))
                yield words


def write_words(order, seed, limit=None):
    """Write words to stdout until the reader has enough, or `limit` of them."""
    parts = draw_major(seed) if order == "draw-major" else input_major(seed)
    left = np.inf if limit is None else limit
    try:
        for words in parts:
            bytes_in_order = words.astype("<u4", copy=False)
            sys.stdout.buffer.write(bytes_in_order[: int(min(left, words.size))])
            left -= words.size
            if left <= 0:
                break
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader has enough
        sys.stderr.close()


@dataclass(frozen=True)
class Result:
    """A line of dieharder: what was tested, on how much, and what came out."""

    name: str
    ntuple: str
    tsamples: str
    psamples: str
    p_value: str
    assessment: str


def run_test(order, test, ntuple, seed, *options):
    """Return the results of one test of dieharder on one stream."""
    words = [sys.executable, __file__, "--order", order, "--seed", str(seed)]
    tests = ["dieharder", "-g", "200", "-d", str(test), "-n", str(ntuple), *options]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as source:
        done = subprocess.run(tests, stdin=source.stdout, capture_output=True, text=True)
        source.stdout.close()
    if done.returncode:
        raise RuntimeError(f"dieharder -d {test} ended with {done.returncode}: {done.stderr}")
    return results_in(done.stdout)


def results_in(text):
    """Return the results that a text of dieharder tells."""
    lines = [[field.strip() for field in line.split("|")] for line in text.splitlines()]
    return [Result(*line) for line in lines if len(line) == 6 and line[0] != "test_name"]


def seed_of(test, ntuple):
    """Return the seed that a test's words are made with; 500 more is the repetition's."""
    return 1000 * test + ntuple


def run_dieharder(report, tests):
    """Run tests on both orders, and keep the report up to date."""
    os.nice(19)
    first, again = {}, {}
    for test, ntuple in tests:
        for order in ORDERS:
            seed = seed_of(test, ntuple)
            found = first[test, ntuple, order] = run_test(order, test, ntuple, seed)
            if any(result.assessment != "PASSED" for result in found):
                more = run_test(order, test, ntuple, seed + 500, "-Y", "1", "-k", "2")
                again[test, ntuple, order] = more
            report.write_text(report_of(first, again))
            print(order, *found, sep="\n", flush=True)


def report_of(first, again):
    """Return the report of what has been run: (test, ntuple, order) to results."""
    whole = sorted((test, ntuple) for test, ntuple, order in first if order == ORDERS[-1])
    rows = [row for key in whole for row in _rows(key, first)]
    results = [result for key in whole for order in ORDERS for result in first[*key, order]]
    return _TEXT.format(
        script=_SCRIPT,
        inputs=INPUTS,
        points=POINTS_OF_AN_INPUT,
        version=_dieharder_version(),
        date=date.today(),
        extent=_extent(whole),
        count=len(results),
        weak=sum(result.assessment == "WEAK" for result in results),
        failed=sum(result.assessment == "FAILED" for result in results),
        expected=0.01 * len(results),
        again=_repetitions(again),
        rows="\n".join(rows),
    )


def _rows(key, first):
    """Return the lines of the table about one test."""
    test, ntuple = key
    pairs = zip(*(first[test, ntuple, order] for order in ORDERS), strict=True)
    return [
        f"| {test} | {a.name} | {a.ntuple} | {a.tsamples} | {a.psamples} "
        f"| {_shown(a)} | {_shown(b)} |"
        for a, b in pairs
    ]


def _shown(result):
    mark = "" if result.assessment == "PASSED" else f" {result.assessment}"
    return f"{float(result.p_value):.4f}{mark}"


def _extent(run):
    missing = [key for key in TESTS if key not in run]
    if not missing:
        return "All of them were run."
    names = ", ".join(f"-d {test} -n {length}" for test, length in sorted(missing))
    return f"Not run this time: {names}."


def _repetitions(again):
    if not again:
        return "Nothing had to be repeated."
    rows = [
        f"| {test} | {result.name} | {result.ntuple} | {order} | {result.psamples} "
        f"| {_shown(result)} |"
        for (test, _, order), results in sorted(again.items())
        for result in results
    ]
    head = ["| -d | test | ntuple | order | psamples | p-value |", "|---|---|---|---|---|---|"]
    intro = "Repeated on other words, with as many samples as it takes (`-Y 1 -k 2`):\n"
    return "\n".join([intro, *head, *rows])


def _dieharder_version():
    told = subprocess.run(["dieharder", "-l"], capture_output=True, text=True).stdout
    return re.search(r"version (\S+)", told)[1]


_TEXT = """# The random stream

What a forecast with `design="random"` draws from, given to dieharder {version} word by word,
{date}: 32-bit words of Philox4x32-10, addressed by point, replicate, input and seed.

- **draw-major**: {inputs} inputs of draw 0, then of draw 1, and so on: 256 streams interleaved, as
  the draws see them.
- **input-major**: one input's {points:,} points of replicate 0, then of replicate 1, …; then the
  next input's: the order in which the engine makes them.

`python {script} --dieharder` gives each test words of its own, from a run with the seed
1000 × d + n, and writes this page. One line of it again:

```
python {script} --order draw-major --seed 0 | dieharder -g 200 -d 0 -n 0
```

The tests are those of `dieharder -a`, but for its number 14, which its own list marks "Do Not Use".
{extent}

{count} p-values: {failed} FAILED, {weak} WEAK. A perfect generator is called WEAK (a p-value below
0.005 or above 0.995) once in a hundred times: {expected:.1f} are expected here.

{again}

| -d | test | ntuple | tsamples | psamples | draw-major | input-major |
|---|---|---|---|---|---|---|
{rows}
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--order", choices=ORDERS, default=ORDERS[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--words", type=int, help="how many; without end if not told")
    parser.add_argument("--dieharder", action="store_true", help="test both orders; takes hours")
    parser.add_argument("--report", type=Path, default=REPORT)
    return parser.parse_args()


def main():
    given = arguments()
    if given.dieharder:
        run_dieharder(given.report, TESTS)
    else:
        write_words(given.order, given.seed, given.words)


if __name__ == "__main__":
    main()
