"""Tables, numbers and markers of the written report."""

import ast
import datetime
import platform
from dataclasses import dataclass, field

import machine
import model

SUMMARY = "summary"
NOTHING = "–"


@dataclass(frozen=True)
class Section:
    """What a section of the benchmarks has to say.

    `columns` is its part of the summary: title of a column to the contenders' figures by label;
    `remark` is a sentence below the summary.
    """

    text: str
    columns: dict = field(default_factory=dict)
    remark: str = ""


def number(value):
    """Return three significant digits as a person would write them."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{2 if abs(value) < 10 else 1}f}" if abs(value) >= 0.1 else f"{value:.2g}"


def memory(count):
    return f"{count / 2**20:,.0f} MiB"


def power(count):
    """Return a power of two as one, another number in full."""
    whole = count > 1 and count & (count - 1) == 0
    return f"2^{count.bit_length() - 1}" if whole else f"{count:,}"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def about(module):
    """Return what a contender's module says of itself, without importing it."""
    path = model.FOLDER / (module.replace(".", "/") + ".py")
    return " ".join(ast.get_docstring(ast.parse(path.read_text())).split())


def descriptions(contenders):
    """Return a list of what each module does, once."""
    modules = dict.fromkeys(contender.module for contender in contenders)
    return "\n".join(f"- {about(module)}" for module in modules)


def missing(measured):
    """Return a sentence for each contender that did not run."""
    return "\n".join(
        f"Not measured: {found.contender.label} ({found.missing})."
        for found in measured
        if found.missing
    )


def paragraphs(*parts):
    return "\n\n".join(part for part in parts if part)


def between(text, name, body):
    """Return the text with what stands between the markers of a name replaced."""
    start, stop = f"<!-- {name} -->", f"<!-- /{name} -->"
    if start not in text or stop not in text:
        return text
    before, _, rest = text.partition(start)
    return f"{before}{start}\n{body}\n{stop}{rest.partition(stop)[2]}"


def update_readme(path, summary):
    """Replace the summary in a README that has its markers; return whether it changed."""
    old = path.read_text()
    new = between(old, SUMMARY, summary)
    if new != old:
        path.write_text(new)
    return new != old


def machine_line():
    return (
        f"{machine.processor()}, {machine.cores()} cores; Python {platform.python_version()}, "
        f"{', '.join(machine.versions())}; {datetime.date.today()}."
    )


def summary(sections):
    """Return the short table of all contenders and the sections' remarks."""
    columns = {title: by for section in sections for title, by in section.columns.items()}
    labels = dict.fromkeys(label for by in columns.values() for label in by)
    rows = [[label, *(by.get(label, NOTHING) for by in columns.values())] for label in labels]
    body = table(["", *columns], rows) if columns else ""
    remarks = "\n".join(f"- {section.remark}" for section in sections if section.remark)
    return paragraphs(body, remarks)


def whole(sections):
    """Return the report."""
    return (
        paragraphs(
            "# Benchmarks",
            "Made by `make bench` on the machine that it ran on:\n" + machine_line(),
            f"<!-- {SUMMARY} -->\n{summary(sections)}\n<!-- /{SUMMARY} -->",
            "Contenders take turns, round after round, each in a process of its own; the figures "
            "are medians over the rounds, ratios are taken within a round. Imports, compilation "
            "and a first run come before the rounds. A memory is the most that the contender's "
            "process held at once.",
            *(section.text for section in sections),
        )
        + "\n"
    )
