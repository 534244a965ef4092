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
CUBIC_OCTAVES, CUBIC_TERMS = 12, 4

_DOUBLE, _INT16, _INT32, _INT64 = ir.DoubleType(), ir.IntType(16), ir.IntType(32), ir.IntType(64)
_LOWER = 0xFFFFFFFF
_MULTIPLIERS, _WEYL, _ROUNDS = (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85), 10
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
def philox_eight(
    typingctx: Any, words: Any, place: Any, call: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any
) -> Any:
    """Write the 32 words of eight calls of Philox4x32-10 into ``words[place:]``, call by call.

    Call k has the counter ``(call + k, c1, c2, c3)``. See :mod:`flopcast_kernels.counter`. Only
    the lower halves of the lanes are meant until the end: 0.4 ns a word against 0.9.
    """

    def generate(context: Any, builder: Any, signature: Signature, arguments: Any) -> Any:
        words, place, call, c1, c2, c3, k0, k1 = arguments
        vector, lower = ir.VectorType(_INT64, 8), ir.Constant(_INT64, _LOWER)
        mask = ir.Constant(vector, [_LOWER] * 8)
        upper = ir.Constant(vector, [32] * 8)
        c0 = builder.add(_splat(builder, call, 8), ir.Constant(vector, list(range(8))))
        c1, c2, c3 = (_splat(builder, c, 8) for c in (c1, c2, c3))

        def product(multiplier: int, c: Any) -> Any:
            factor = ir.Constant(vector, [multiplier] * 8)
            return builder.mul(factor, builder.and_(c, mask))

        for _ in range(_ROUNDS):
            p0, p1 = product(_MULTIPLIERS[0], c0), product(_MULTIPLIERS[1], c2)
            high0, high1 = builder.lshr(p0, upper), builder.lshr(p1, upper)
            c0 = builder.xor(builder.xor(high1, c1), _splat(builder, k0, 8))
            c2 = builder.xor(builder.xor(high0, c3), _splat(builder, k1, 8))
            c1, c3 = p1, p0
            k0 = builder.and_(builder.add(k0, _INT64(_WEYL[0])), lower)
            k1 = builder.and_(builder.add(k1, _INT64(_WEYL[1])), lower)
        first = builder.or_(builder.and_(c0, mask), builder.shl(c1, upper))
        second = builder.or_(builder.and_(c2, mask), builder.shl(c3, upper))
        for half in range(2):
            order = [k for j in range(4 * half, 4 * half + 4) for k in (j, j + 8)]
            places = ir.Constant(ir.VectorType(_INT32, 8), order)
            target = builder.add(place, _INT64(16 * half))
            at = _pointer(context, builder, signature.args[0], words, target, vector)
            builder.store(builder.shuffle_vector(first, second, places), at, align=4)
        return context.get_dummy_value()

    return types.none(words, *[types.uint64] * 7), generate


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


@intrinsic
def cubic_eight(
    typingctx: Any, rows: Any, out: Any, words: Any, place: Any, cubic: Any, first: Any, bits: Any,
    low: Any, high: Any,
) -> Any:  # fmt: skip
    """Write the values of eight words by a cubic form into ``rows[out:]``.

    The form's rows are ``cubic[4 * (first + row):][:4]``, see `Pool`; `bits` are those of its
    cells. Values are within `low` and `high`, or NaN. Returns an int64, 0 if none is NaN.

    Whole rows are loaded and turned over in registers, 1.0 ns a value; a gather a coefficient
    would take 1.7, as one by one does.
    """

    def generate(context: Any, builder: Any, signature: Signature, arguments: Any) -> Any:
        rows, out, words, place, cubic, first, bits, low, high = arguments
        count = 8
        doubles, integers = ir.VectorType(_DOUBLE, count), ir.VectorType(_INT64, count)

        def constant(value: int) -> Any:
            return ir.Constant(integers, [value] * count)

        def splat(value: Any) -> Any:
            return _splat(builder, value, count)

        at = _pointer(
            context, builder, signature.args[2], words, place, ir.VectorType(_INT32, count)
        )
        signed = builder.sitofp(builder.load(at, align=4), doubles)
        tail = builder.fadd(signed, ir.Constant(doubles, [0.5] * count))  # times 2^32
        pattern = builder.bitcast(tail, integers)
        magnitude = builder.and_(pattern, constant(0x7FFFFFFFFFFFFFFF))
        shift = builder.sub(_INT64(52), bits)
        lowest = builder.sub(builder.shl(_INT64(1023 + 31 - CUBIC_OCTAVES), bits), _INT64(1))
        row = builder.sub(builder.lshr(magnitude, splat(shift)), splat(lowest))
        row = _chosen(builder, ">", row, constant(0))
        half = builder.add(builder.shl(_INT64(CUBIC_OCTAVES), bits), _INT64(1))
        is_upper = builder.ashr(pattern, constant(63))
        row = builder.add(row, builder.and_(is_upper, splat(half)))
        mantissa = builder.and_(builder.shl(magnitude, splat(bits)), constant((1 << 52) - 1))
        position = builder.bitcast(builder.or_(mantissa, constant(1023 << 52)), doubles)
        t = builder.fsub(position, ir.Constant(doubles, [1.0] * count))

        four = ir.VectorType(_DOUBLE, CUBIC_TERMS)
        start = builder.shl(builder.add(row, splat(first)), constant(2))
        loaded = []
        for k in range(count):
            one = builder.extract_element(start, _INT32(k))
            source = _pointer(context, builder, signature.args[4], cubic, one, four)
            loaded.append(builder.load(source, align=8))

        def pair(a: Any, b: Any, places: list[int]) -> Any:
            mask = ir.Constant(ir.VectorType(_INT32, count), places)
            return builder.shuffle_vector(a, b, mask)

        joined = [pair(loaded[k], loaded[k + 4], list(range(8))) for k in range(4)]
        even, odd = [0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]
        front, back = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
        terms02 = [pair(joined[k], joined[k + 1], even) for k in (0, 2)]
        terms13 = [pair(joined[k], joined[k + 1], odd) for k in (0, 2)]
        c0, c2 = (pair(*terms02, places) for places in (front, back))
        c1, c3 = (pair(*terms13, places) for places in (front, back))
        fma = _fma(builder, doubles)
        value = builder.call(fma, [c3, t, c2])
        value = builder.call(fma, [value, t, c1])
        value = builder.call(fma, [value, t, c0])
        is_rough = builder.fcmp_unordered("uno", value, value)
        lows, highs = splat(low), splat(high)
        value = builder.select(builder.fcmp_ordered("<", value, lows), lows, value)
        value = builder.select(builder.fcmp_ordered(">", value, highs), highs, value)
        target = _pointer(context, builder, signature.args[0], rows, out, doubles)
        builder.store(value, target, align=8)
        return builder.zext(builder.bitcast(is_rough, ir.IntType(count)), _INT64)

    place_type, integer, number = types.uint64, types.int64, types.float64
    arguments = (rows, place_type, words, place_type, cubic, integer, integer, number, number)
    return types.int64(*arguments), generate


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
