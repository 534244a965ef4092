"""What the figures were measured on."""

import os
import platform
import resource
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("flopcast", "numpy", "numba", "scipy", "xarray", "SALib", "openturns", "jax")


def cores():
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor():
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions():
    """Return "name version" of each package and of g++; what is missing is said."""
    return [*(f"{name} {_version(name)}" for name in PACKAGES), f"g++ {_compiler()}"]


def _compiler():
    if not shutil.which("g++"):
        return "not installed"
    command = ["g++", "-dumpfullversion", "-dumpversion"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def peak_memory():
    """Return the most bytes that this process held at once.

    Linux counts what a process held before it became this program into ru_maxrss; its status
    file does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        if found:
            return int(found[0].split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
