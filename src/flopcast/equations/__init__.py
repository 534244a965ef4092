"""The library of cost equations: plain NumPy functions, one file a subject.

``flopcast.equations.training_flops(parameters=175e9, training_tokens=300e9)`` is an equation;
all take and return base units (s, byte, FLOP, token, USD, W). `EQUATIONS` says what is known about
each, `SOURCES` how to cite where it is from. A new equation is a function in one of the files, or
in a new file, under the decorator `equation`; nothing else lists it.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from flopcast.equations.registry import EQUATIONS, SOURCES, Equation, equation

__all__ = ["EQUATIONS", "SOURCES", "Equation", "equation"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def __getattr__(name: str) -> Callable[..., Any]:
    if name in EQUATIONS:
        return EQUATIONS[name].function
    near = difflib.get_close_matches(name, EQUATIONS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise AttributeError(f"flopcast has no equation {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted([*__all__, *EQUATIONS])
