"""Steps written as vector instructions, where the compiler's own vectors are slower or are none.

They are elementwise and exact, so their results do not depend on the width of a processor's
vectors: LLVM cuts them to what there is.
"""

import sys
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

LANES, TURNS = 64, 8  # a block of 512
LANES_OF_BINS = 16
EVEN_CELLS, EVEN_TERMS = 128, 8

_DOUBLE, _INT16, _INT32, _INT64 = ir.DoubleType(), ir.IntType(16), ir.IntType(32), ir.IntType(64)
_HALVES = range(1 if sys.byteorder == "little" else 0, 2 * LANES_OF_BINS, 2)


def _splat(builder: Any, value: Any, count: int) -> Any:
    vector = ir.VectorType(value.type, count)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, _INT32(0))
    return _shuffled(builder, first, [0] * count)


def _shuffled(builder: Any, vector: Any, places: Any) -> Any:
    places = list(places)
    mask = ir.Constant(ir.VectorType(_INT32, len(places)), places)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any, vector: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())


def _fma(builder: Any, vector: Any) -> Any:
    kind = ir.FunctionType(vector, [vector] * 3)
    name = f"llvm.fma.v{vector.count}f64"
    return cgutils.get_or_insert_function(builder.module, kind, name)


def _smaller(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _chosen(builder: Any, comparison: str, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed(comparison, a, b), a, b)


@intrinsic
def bins_of_row(
    typingctx: Any, rows: Any, y: Any, center: Any, drop: Any, below: Any, first: Any, last: Any,
    bins: Any, i: Any,
) -> Any:  # fmt: skip
    """Write the bins of the `LANES_OF_BINS` values from ``rows[y + i]`` into ``bins[i:]``.

    A bin is the upper half of the pattern of ``|y - center|``, shifted right by `drop`, less
    `below` and not under 0; signed as ``y - center`` is; less `first`, within 0 and `last`. In 32
    bits, which the compiler does not find: 0.17 ns a value against 0.33.
    """

    def generate(context: Any, builder: Any, signature: Signature, arguments: Any) -> Any:
        rows, y, center, drop, below, first, last, bins, i = arguments
        count = LANES_OF_BINS
        doubles = ir.VectorType(_DOUBLE, count)
        place = builder.add(y, i)
        source = _pointer(context, builder, signature.args[0], rows, place, doubles)
        distance = builder.fsub(builder.load(source, align=8), _splat(builder, center, count))
        halves = builder.bitcast(distance, ir.VectorType(_INT32, 2 * count))
        upper = _shuffled(builder, halves, _HALVES)

        def splat(value: Any) -> Any:
            return _splat(builder, builder.trunc(value, _INT32), count)

        zero = ir.Constant(upper.type, [0] * count)
        positive = builder.and_(upper, ir.Constant(upper.type, [0x7FFFFFFF] * count))
        pattern = builder.sub(builder.lshr(positive, splat(drop)), splat(below))
        magnitude = _chosen(builder, ">", pattern, zero)
        sign = builder.ashr(upper, ir.Constant(upper.type, [31] * count))
        number = builder.sub(builder.sub(builder.xor(magnitude, sign), sign), splat(first))
        clamped = _chosen(builder, "<", _chosen(builder, ">", number, zero), splat(last))
        shorts = ir.VectorType(_INT16, count)
        target = _pointer(context, builder, signature.args[7], bins, i, shorts)
        builder.store(builder.trunc(clamped, shorts), target, align=2)
        return context.get_dummy_value()

    integers = (types.int64, types.int64, types.int64, types.int64)
    arguments = (rows, types.uint64, types.float64, *integers, bins, types.uint64)
    return types.none(*arguments), generate


@intrinsic
def sample_eight(
    typingctx: Any, rows: Any, out: Any, positions: Any, place: Any, flip: Any, coefficients: Any,
    start: Any, low: Any, high: Any, lane: Any,
) -> Any:  # fmt: skip
    """Write eight values of an even table into ``rows[out:]``, their places XORed with `lane`.

    Value k has the position ``n = positions[place + k] ^ flip`` in its cell, and is the polynomial
    in n of the coefficients ``coefficients[start + k + EVEN_CELLS * term]``, within `low` and
    `high`. Written, since the shuffle is one instruction: 0.4 ns a value against 0.7.
    """

    def generate(context: Any, builder: Any, signature: Signature, arguments: Any) -> Any:
        rows, out, positions, place, flip, coefficients, start, low, high, lane = arguments
        count = 8
        doubles, integers = ir.VectorType(_DOUBLE, count), ir.VectorType(_INT32, count)
        fma = _fma(builder, doubles)
        at = _pointer(context, builder, signature.args[2], positions, place, integers)
        flips = _splat(builder, builder.trunc(flip, _INT32), count)
        n = builder.sitofp(builder.xor(builder.load(at, align=4), flips), doubles)
        value = None
        for term in reversed(range(EVEN_TERMS)):
            own = builder.add(start, _INT64(term * EVEN_CELLS))
            at = _pointer(context, builder, signature.args[5], coefficients, own, doubles)
            coefficient = builder.load(at, align=8)
            value = coefficient if value is None else builder.call(fma, [value, n, coefficient])
        value = _larger(builder, value, _splat(builder, low, count))
        value = _smaller(builder, value, _splat(builder, high, count))
        for bit in (1, 2, 4):
            swapped = _shuffled(builder, value, [k ^ bit for k in range(count)])
            is_set = builder.icmp_unsigned("!=", builder.and_(lane, _INT64(bit)), _INT64(0))
            value = builder.select(is_set, swapped, value)
        target = _pointer(context, builder, signature.args[0], rows, out, doubles)
        builder.store(value, target, align=8)
        return context.get_dummy_value()

    place_type, number = types.uint64, types.float64
    arguments = (rows, place_type, positions, place_type, types.int64, coefficients, place_type)
    return types.none(*arguments, number, number, place_type), generate


def _fold(step: Callable[[Any, Any, Any], Any]) -> Any:
    """Return a function of lanes and a start that folds `LANES` of them by halves."""

    def typed(typingctx: Any, lanes: Any, start: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Signature, arguments: Any) -> Any:
            lanes, start = arguments
            vector = ir.VectorType(_DOUBLE, 8)
            parts = []
            for k in range(0, LANES, vector.count):
                place = builder.add(start, _INT64(k))
                source = _pointer(context, builder, signature.args[0], lanes, place, vector)
                parts.append(builder.load(source, align=8))
            while len(parts) > 1:
                half = len(parts) // 2
                parts = [step(builder, parts[k], parts[k + half]) for k in range(half)]
            (folded,) = parts
            for width in (4, 2, 1):
                low = _shuffled(builder, folded, range(width))
                folded = step(builder, low, _shuffled(builder, folded, range(width, 2 * width)))
            return builder.extract_element(folded, _INT32(0))

        return types.float64(lanes, types.uint64), generate

    return typed


def _sum(builder: Any, a: Any, b: Any) -> Any:
    return builder.fadd(a, b)


@intrinsic
def add_to_eight_lanes(
    typingctx: Any, rows: Any, y: Any, reference: Any, lanes: Any, own: Any, j: Any
) -> Any:
    """Add the values of lanes j to j + 7 of a whole block, `TURNS` each, to their lanes.

    The lanes from `own` take the sums of ``d = value - reference``, the `LANES` behind them those
    of ``d * d``. The first lanes of all are left with the smallest value, the next with the
    largest, the third with a sum of zeros: NaN where a value is not finite. One pass: 0.18 ns a
    value; the compiler, for fear of overlaps, makes no vectors of it.
    """

    def generate(context: Any, builder: Any, signature: Signature, arguments: Any) -> Any:
        rows, y, reference, lanes, own, j = arguments
        vector = ir.VectorType(_DOUBLE, 8)
        fma = _fma(builder, vector)
        off = _splat(builder, reference, vector.count)
        nothing = ir.Constant(vector, [0.0] * vector.count)

        def lane(start: Any) -> Any:
            place = builder.add(start, j)
            return _pointer(context, builder, signature.args[3], lanes, place, vector)

        places = [lane(own), lane(builder.add(own, _INT64(LANES)))]
        places += [lane(_INT64(k * LANES)) for k in range(3)]
        total, square = (builder.load(place, align=8) for place in places[:2])
        low = high = zero = None
        for turn in range(TURNS):
            start = builder.add(builder.add(y, j), _INT64(turn * LANES))
            source = _pointer(context, builder, signature.args[0], rows, start, vector)
            value = builder.load(source, align=8)
            d = builder.fsub(value, off)
            total = builder.fadd(total, d)
            square = builder.fadd(square, builder.fmul(d, d))
            low = value if low is None else _smaller(builder, value, low)
            high = value if high is None else _larger(builder, value, high)
            zero = builder.call(fma, [value, nothing, nothing if zero is None else zero])
        for result, place in zip((total, square, low, high, zero), places, strict=True):
            builder.store(result, place, align=8)
        return context.get_dummy_value()

    integer = types.uint64
    return types.none(rows, integer, types.float64, lanes, integer, integer), generate


smallest_lane = intrinsic(_fold(_smaller))
largest_lane = intrinsic(_fold(_larger))
sum_of_lanes = intrinsic(_fold(_sum))
