"""Parts alone: Sobol' points, and the values of each distribution."""

from contextlib import ExitStack
from statistics import median

from report import Section, about, number, paragraphs, power, table
from workers import Contender, Worker, take_turns

POINTS = 1 << 20
DIMENSIONS = 10
VALUES = 1 << 18


def measure_points(points, rounds):
    entrants = [
        Contender("SciPy `qmc.Sobol`", "peers.points_scipy", points * DIMENSIONS),
        Contender("flopcast", "peers.points_flopcast", points * DIMENSIONS),
    ]
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(contender)) for contender in entrants]
        return take_turns(workers, rounds)


def measure_values(values, rounds):
    """Return the rounds' medians by kind: flopcast, NumPy, SciPy."""
    with Worker(Contender("values", "peers.values", values)) as worker:
        (measured,) = take_turns([worker], rounds)
    kinds = measured.results[0]
    return {
        kind: [
            None if own is None else median(found[kind][k] for found in measured.results)
            for k, own in enumerate(kinds[kind])
        ]
        for kind in kinds
    }


def measure(options):
    points = options.size(POINTS, 1 << 12)
    values = options.size(VALUES, 1 << 10)
    scipy, ours = measure_points(points, options.rounds)
    kinds = measure_values(values, options.rounds)
    text = paragraphs(
        "## Parts",
        f"Scrambled Sobol' points, {power(points)} in {DIMENSIONS} dimensions, one core: SciPy "
        f"{number(scipy.median)} ns a coordinate, flopcast {number(ours.median)} "
        f"({number(ours.speed(scipy))} times its speed).",
        f"{about('peers.values')} ns a value, {power(values)} values:",
        table(
            ["distribution", "flopcast", "NumPy", "SciPy `ppf`"],
            [[kind, *map(number, three)] for kind, three in kinds.items()],
        ),
    )
    return Section(text)
