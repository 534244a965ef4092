"""How long a person waits at the command line, compilation included."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from report import Section, number, paragraphs, power, table

COMMAND = [sys.executable, "-c", "from flopcast.cli import main; main()"]  # as its script does
DRAWS = 1 << 20
RUNS = 5


def _seconds(arguments, folder, **environment):
    start = time.perf_counter()
    subprocess.run(
        [*COMMAND, *arguments],
        check=True,
        capture_output=True,
        cwd=folder,
        env=os.environ | environment,
    )
    return time.perf_counter() - start


def measure(options):
    draws = options.size(DRAWS, 1 << 10)
    run = ["run", "assistant-budget", "--draws", str(draws)]
    with tempfile.TemporaryDirectory() as folder:
        cache = {} if options.quick else {"NUMBA_CACHE_DIR": str(Path(folder) / "kernels")}
        first = _seconds(run, folder, **cache)
        runs = options.size(RUNS, 1)
        later = [_seconds(run, folder, **cache) for _ in range(runs)]
        helps = [_seconds(["--help"], folder) for _ in range(runs)]
    rows = [
        ["`flopcast --help`", number(median(helps))],
        ["`flopcast run assistant-budget`, the first ever: compiles", number(first)],
        ["the same, later", number(median(later))],
    ]
    text = paragraphs(
        "## Start",
        f"Whole processes, {power(draws)} draws, written to a file; {runs} runs each.",
        table(["command", "s"], rows),
    )
    waits = f"{number(median(later))} s ({number(first)} s the first time, to compile)"
    return Section(text, remark=f"`flopcast run`, {power(draws)} draws, whole process: {waits}.")
