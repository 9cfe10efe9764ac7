"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN, ARG_MAX, ARG_MIN, BATCH_MATMUL."""

import numpy as np

from generate import Case
from single_op import Graph, full_range, random

INT32 = 2  # TensorType


def cases():
    for dtype in ("int8", "int16"):
        yield from means(dtype)
        yield from sums(dtype)
        yield from products(dtype)
    yield from extremes()
    yield from arguments()


SHAPES = [
    # input, axes, keep_dims
    ((1, 4, 3, 5), [1, 2], False), ((2, 3, 4, 3), [2, 1], True), ((2, 3, 4, 3), [1, 2], True), ((5, 7), [1], False),
    ((5, 7), [0], True), ((3, 4, 2), [-1, 0], False), ((2, 3, 4, 2), [0, 2], False), ((2, 3, 2, 3), [1, 3], True),
    ((7,), [0], True), ((2, 3, 4), [0, 1, 2], True), ((1, 6, 1, 4), [1], False), ((3, 5), [1, -1], False),
]


def reduced(shape, axes, keep):
    gone = {a % len(shape) for a in axes}
    return tuple(1 if i in gone else n for i, n in enumerate(shape) if keep or i not in gone)


def zeros(dtype):
    return [(-128, 127), (5, -9), (0, 0)] if dtype == "int8" else [(0, 0)]


def reduce_case(op, dtype, name, shape, axes, keep, quantized):
    (in_scale, in_zero), (out_scale, out_zero) = quantized
    g = Graph()
    x = g.input(dtype, shape, in_scale, in_zero)
    axis = g.const("int32", np.array(axes))
    y = g.output(dtype, reduced(shape, axes, keep), out_scale, out_zero)
    g.op(op, [x, axis], [y], "ReducerOptions", keepDims=keep)
    return Case(op, dtype, name, g)


def means(dtype):
    for shape, axes, keep in SHAPES:
        name = f"{shape} {axes}{' keep' if keep else ''}"
        yield reduce_case("MEAN", dtype, f"{name} same scale", shape, axes, keep, ((0.05, 0), (0.05, 0)))
        if dtype == "int8":
            yield reduce_case("MEAN", dtype, f"{name} same zero", shape, axes, keep, ((0.05, -7), (0.05, -7)))
        for in_zero, out_zero in zeros(dtype):
            for ratio in (0.31, 0.999, 1.7):
                quantized = ((0.05, in_zero), (0.05 / ratio, out_zero))
                yield reduce_case("MEAN", dtype, f"{name} {in_zero} {out_zero} {ratio}", shape, axes, keep, quantized)
    # Multipliers near the ends of the shift's range, counts with many bits.
    for ratio in (1e-7, 1e-4, 900.0):
        shape, axes = (1, 9, 13, 2), [1, 2]
        yield reduce_case("MEAN", dtype, f"ratio {ratio}", shape, axes, False, ((0.05, 0), (0.05 / ratio, 0)))


def sums(dtype):
    for shape, axes, keep in SHAPES:
        name = f"{shape} {axes}{' keep' if keep else ''}"
        for in_zero, out_zero in zeros(dtype):
            for ratio in (0.07, 1.0):
                quantized = ((0.05, in_zero), (0.05 / ratio, out_zero))
                yield reduce_case("SUM", dtype, f"{name} {in_zero} {out_zero} {ratio}", shape, axes, keep, quantized)


def extremes():
    for op in ("REDUCE_MAX", "REDUCE_MIN"):
        for shape, axes, keep in SHAPES:
            name = f"{shape} {axes}{' keep' if keep else ''}"
            yield reduce_case(op, "int8", name, shape, axes, keep, ((0.05, -3), (0.05, -3)))


def arguments():
    for op in ("ARG_MAX", "ARG_MIN"):
        for shape, axis in (((1, 10), 1), ((4, 6), 0), ((2, 3, 4), 1), ((2, 3, 4), -1), ((9,), 0), ((1, 1, 3, 5), 3)):
            g = Graph()
            x = g.input("int8", shape, 0.1, 4)
            where = g.const("int32", np.array(axis))
            at = axis % len(shape)
            y = g.output("int32", shape[:at] + shape[at + 1 :])
            g.op(op, [x, where], [y], "ArgMaxOptions" if op == "ARG_MAX" else "ArgMinOptions", outputType=INT32)
            name = f"{shape} {axis}"
            rng = random(op, "int8", name)
            few = [[[rng.integers(-2, 3, shape).astype(np.int8)]] for _ in range(3)]  # equal values: the first wins
            runs = few + [[[full_range(rng, "int8", shape)]] for _ in range(3)] + [[[np.full(shape, -128, np.int8)]]]
            yield Case(op, "int8", name, g, runs)


def products(dtype):
    rows = [
        # batches of a, of b, m, k, n
        ((), (), 3, 5, 4), ((2,), (2,), 2, 3, 4), ((2,), (), 3, 4, 2), ((), (3,), 2, 4, 3), ((2, 1), (1, 3), 2, 3, 2),
        ((2, 1, 2), (1, 2, 1), 2, 3, 2), ((1,), (2,), 1, 17, 3), ((), (), 4, 1, 1),
    ]
    for a_batch, b_batch, m, k, n in rows:
        for adj_x in (False, True):
            for adj_y in (False, True):
                kinds = [(0, 0, 0)] if dtype == "int16" else [(-128, 127, 5), (3, -9, -20)]
                for a_zero, b_zero, out_zero in kinds:
                    g = Graph()
                    a = g.input(dtype, a_batch + ((k, m) if adj_x else (m, k)), 0.04, a_zero)
                    b = g.input(dtype, b_batch + ((n, k) if adj_y else (k, n)), 0.03, b_zero)
                    batches = np.broadcast_shapes(a_batch, b_batch)
                    scale = 0.04 * 0.03 * np.sqrt(k) * (50 if dtype == "int8" else 9000)
                    y = g.output(dtype, batches + (m, n), float(scale), out_zero)
                    g.op("BATCH_MATMUL", [a, b], [y], "BatchMatMulOptions", adjX=adj_x, adjY=adj_y)
                    name = f"{a_batch} {b_batch} {m}x{k}x{n} {adj_x} {adj_y} {a_zero}"
                    yield Case("BATCH_MATMUL", dtype, name, g)
