"""Discrete distributions: chosen values with weights, and observed ones."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from flopcast.distributions.base import Discrete, Numbers, Problem
from flopcast.tables import Floats


class Choice(Discrete):
    """One of a few `values`, each as likely as its share of the `weights`."""

    distribution: Literal["discrete"]
    values: Numbers
    weights: Numbers

    def problems(self) -> list[Problem]:  # noqa: D102
        found = [] if self.values else [("values", "is empty; at least one value is wanted")]
        if len(self.weights) != len(self.values):
            found.append(
                ("weights", f"has {len(self.weights)} numbers for {len(self.values)} values")
            )
        if any(weight < 0.0 for weight in self.weights):
            found.append(("weights", f"{min(self.weights):g} is negative; weights are at least 0"))
        elif self.weights and not any(self.weights):
            found.append(("weights", "are all 0; at least one must be greater"))
        return found

    def atoms(self) -> tuple[Floats, Floats]:  # noqa: D102
        return np.array(self.values), np.array(self.weights)


class Empirical(Discrete):
    """Observed `values`, each as likely: their step function, not smoothed.

    With `file` they are a `column` of a CSV table, in the rows that fit `where`; whoever reads the
    table gives the values with :meth:`with_values`.
    """

    distribution: Literal["empirical"]
    values: Numbers | None = None
    file: str | None = None
    column: str | None = None
    where: dict[str, Any] | None = None

    def problems(self) -> list[Problem]:  # noqa: D102
        if self.file is None:
            found = [(key, "is of a file; file is missing") for key in self._keys_of_a_file()]
            if self.values is None:
                found.append(("", "values, or file and column are wanted"))
            elif not self.values:
                found.append(("values", "is empty; at least one value is wanted"))
            return found
        found = [] if self.column else [("column", "missing: file and column go together")]
        if self.values is not None:
            found.append(("values", "either values or a file is wanted, not both"))
        return found

    def with_values(self, values: Iterable[float]) -> "Empirical":
        """Return the distribution of the values that were read."""
        read = {"values": tuple(map(float, values)), "file": None, "column": None, "where": None}
        return self.model_copy(update=read)

    def atoms(self) -> tuple[Floats, Floats]:
        """Return the values and equal weights.

        Raises
        ------
        ValueError
            If the file is still to be read.
        """
        if self.values is None:
            raise ValueError(f"{self.file} is not read yet: use with_values")
        return np.array(self.values), np.ones(len(self.values))

    def _keys_of_a_file(self) -> list[str]:
        return [key for key in ("column", "where") if getattr(self, key) is not None]
