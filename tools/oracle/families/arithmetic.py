"""ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM and PRELU: element by element on two operands, with broadcasting.

TFLM's DIV is int8 only. Where its kernel has no defined result (a divisor at the zero point, quotients that a shift of more than
31 bits brings to nothing) there are no vectors: see `quotients`.
"""

import numpy as np

from generate import Case
from single_op import Graph, full_range, random, schema, standard_runs

NONE = schema.ActivationFunctionType.NONE
RELU = schema.ActivationFunctionType.RELU
RELU6 = schema.ActivationFunctionType.RELU6
RELU_N1 = schema.ActivationFunctionType.RELU_N1_TO_1


def cases():
    for dtype in ("int8", "int16"):
        for op in ("ADD", "SUB", "MUL"):
            yield from activated(op, dtype)
        for op in ("MAXIMUM", "MINIMUM"):
            yield from extremes(op, dtype)
        yield from prelu(dtype)
    yield from quotients()


# name, shapes of both operands; a shape in a list is a constant.
SHAPES = [
    ("one element", (1,), (1,)),
    ("a row of 67", (67,), (67,)),
    ("four dimensions", (1, 3, 4, 5), (1, 3, 4, 5)),
    ("five dimensions", (2, 1, 3, 2, 3), (2, 1, 3, 2, 3)),
    ("scalar b", (2, 5, 7), [()]),
    ("scalar a", [(1,)], (5, 7)),
    ("channels", (1, 3, 3, 5), [(5,)]),
    ("channels first", [(5,)], (1, 2, 3, 5)),
    ("rows", (1, 4, 3, 2), (1, 4, 1, 1)),
    ("both ways", (1, 4, 1, 3), (1, 1, 5, 1)),
    ("rank 1 and 4", (3,), (2, 2, 2, 3)),
    ("constant of the same shape", (2, 9), [(2, 9)]),
    ("a constant", [(4, 7)], (4, 7)),
]

# name, scales of a, b and output for int8, zero points, activation.
SCALES = [
    ("relu", (0.05, 0.04, 0.07), (3, -5, -20), RELU),
    ("relu6", (0.05, 0.04, 0.07), (-100, 27, -128), RELU6),
    ("relu -1 to 1", (0.02, 0.01, 0.013), (7, 9, 11), RELU_N1),
    ("zero points at the ends", (0.03, 0.06, 0.08), (127, -128, 127), NONE),
    ("zero points at the other ends", (0.06, 0.03, 0.08), (-128, 127, 40), NONE),
    ("a far larger", (1.0, 0.0007, 2.0), (1, 2, 3), NONE),
    ("b far larger", (0.0007, 1.0, 2.0), (1, 2, 3), NONE),
    ("saturating", (0.5, 0.4, 0.01), (0, 10, -10), NONE),
    ("coarse output", (0.01, 0.02, 0.5), (5, 6, 7), NONE),
    ("odd ratio", (0.0123456, 0.0345678, 0.0271828), (-4, 44, -31), NONE),
    # In floats these are ratios of small integers, in doubles not quite: halves are rounded the one way or the other.
    ("ties", (0.3, 0.1, 0.2), (0, 0, 0), NONE),
    ("powers of two", (0.125, 0.25, 0.5), (0, 0, 0), NONE),
]


def pair(g, rng, dtype, a, b, scales, zeros):
    """Two operands; the one in a list is a constant."""
    ids = []
    for shape, scale, zero in zip((a, b), scales, zeros):
        if isinstance(shape, list):
            ids.append(g.const(dtype, full_range(rng, dtype, shape[0]), scale, zero, shape=shape[0]))
        else:
            ids.append(g.input(dtype, shape, scale, zero))
    return ids


def fewer(g, op, dtype, name):
    """Random int16s do not compress: one frame of them."""
    return standard_runs(g, random(op, dtype, name, "runs"), 2 if dtype == "int8" else 1)


def plain(shape):
    return shape[0] if isinstance(shape, list) else shape


def rows_of(op, dtype):
    """name, shapes, scales, zero points, activation. int16 scales leave the product of full-range inputs in range."""
    wide = dtype == "int16"
    for name, a, b in SHAPES:
        yield name, a, b, (0.05, 0.03, 0.06), (-7, 12, 5), NONE
    for name, scales, zeros, activation in SCALES:
        yield name, (3, 11), (3, 11), scales, zeros, activation
    if wide:
        yield "long row", (1, 70), (1, 70), (0.05, 0.05, 0.05), (0, 0, 0), NONE


def activated(op, dtype):
    options = f"{op.capitalize()}Options"
    wide = dtype == "int16"
    for name, a, b, scales, zeros, activation in rows_of(op, dtype):
        rng = random(op, dtype, name)
        if wide:
            scales = [s / 256 for s in scales]
            zeros = (0, 0, 0)
        if op == "MUL":
            product = scales[0] * scales[1] * (90 if not wide else 20000)
            scales = (scales[0], scales[1], product * scales[2] / max(scales[0], scales[1]))
        g = Graph()
        ids = pair(g, rng, dtype, a, b, scales, zeros)
        y = g.output(dtype, np.broadcast_shapes(plain(a), plain(b)), scales[2], zeros[2])
        g.op(op, ids, [y], options, version=2 if not wide else 4, fusedActivationFunction=activation)
        yield Case(op, dtype, name, g, fewer(g, op, dtype, name))
    if wide and op != "MUL":
        name = "zero points"
        g = Graph()
        ids = pair(g, random(op, dtype, name), dtype, (3, 9), (3, 9), (0.001, 0.002), (-300, 32767))
        g.op(op, ids, [g.output(dtype, (3, 9), 0.003, 1000)], options, version=4)
        yield Case(op, dtype, name, g)
    name = "every pair of some"
    g = Graph()
    values = np.array([-128, -127, -100, -64, -33, -2, -1, 0, 1, 2, 31, 65, 99, 126, 127]) * (257 if wide else 1)
    ids = pair(g, None, dtype, (15, 1), (1, 15), (0.04, 0.05), (0, 0))
    scale = 0.06 if op != "MUL" else 0.004 * (64 if wide else 1)
    g.op(op, ids, [g.output(dtype, (15, 15), scale, 0)], options, version=2)
    np_type = np.int16 if wide else np.int8
    yield Case(op, dtype, name, g, [[[values.astype(np_type).reshape(15, 1), values.astype(np_type).reshape(1, 15)]]])
    # Multipliers of any bits.
    for i in range(4 if wide else 12):
        name = f"random scales {i}"
        rng = random(op, dtype, name)
        scales = np.exp(rng.uniform(-6, 0, 3)).astype(np.float32)
        zeros = (0, 0, 0) if wide else rng.integers(-128, 128, 3)
        if op == "MUL":
            scales[2] = scales[0] * scales[1] * rng.uniform(50, 300) * (256 if wide else 1)
        else:
            scales[2] = max(scales[0], scales[1]) * rng.uniform(0.5, 3)
        g = Graph()
        ids = pair(g, rng, dtype, (48,), (48,), scales, zeros)
        g.op(op, ids, [g.output(dtype, (48,), scales[2], int(zeros[2]))], options, version=2)
        yield Case(op, dtype, name, g, [[[full_range(rng, dtype, (48,)) for _ in range(2)]]])
    if op == "MUL":
        # A ratio above 2 shifts left: large products wrap as they do in the reference.
        g = Graph()
        ids = pair(g, None, dtype, (5, 7), (5, 7), (0.5, 0.5), (0, 0))
        g.op(op, ids, [g.output(dtype, (5, 7), 0.01, 0)], options, version=2)
        yield Case(op, dtype, "multiplier above one", g)


def extremes(op, dtype):
    for name, a, b in SHAPES:
        rng = random(op, dtype, name)
        zero = 5 if dtype == "int8" else 0
        g = Graph()
        ids = pair(g, rng, dtype, a, b, (0.05, 0.05), (zero, zero))
        y = g.output(dtype, np.broadcast_shapes(plain(a), plain(b)), 0.05, zero)
        g.op(op, ids, [y], "MaximumMinimumOptions", version=2)
        yield Case(op, dtype, name, g, fewer(g, op, dtype, name))


def prelu(dtype):
    wide = dtype == "int16"
    # name, shapes of input and alpha, scales of input, alpha and output, zero points
    rows = [
        ("alpha per channel", (1, 4, 3, 5), [(5,)], (0.05, 0.002, 0.05), (3, -5, -20)),
        ("shared alpha", (1, 3, 3, 4), [(1, 1, 4)], (0.05, 0.01, 0.04), (-128, 0, -128)),
        ("one alpha", (1, 3, 3, 4), [(1,)], (0.05, 0.01, 0.04), (120, 127, 9)),
        ("alpha per row", (1, 4, 3, 2), [(4, 1, 1)], (0.05, 0.004, 0.05), (10, -128, 0)),
        ("alpha for each", (3, 7), [(3, 7)], (0.05, 0.01, 0.05), (-10, 20, 30)),
        ("alpha is an input", (2, 9), (2, 9), (0.05, 0.01, 0.05), (0, 0, 0)),
        ("large alpha", (2, 40), [(40,)], (0.05, 0.5, 0.4), (0, 3, 0)),
        ("saturating", (4, 6), [(6,)], (0.5, 0.1, 0.01), (4, 5, 6)),
        ("coarse output", (4, 6), [(6,)], (0.01, 0.01, 0.9), (4, 5, 6)),
        ("odd scales", (4, 9), [(9,)], (0.0123456, 0.0076543, 0.0161803), (-77, 31, 12)),
    ]
    for name, shape, alpha, scales, zeros in rows:
        rng = random("PRELU", dtype, name)
        if wide:
            scales = (scales[0] / 256, scales[1], scales[2] / 256)
            zeros = (0, zeros[1], 0)
        g = Graph()
        x = g.input(dtype, shape, scales[0], zeros[0])
        if isinstance(alpha, list):
            a = g.const("int8", full_range(rng, "int8", alpha[0]), scales[1], zeros[1])
        else:
            a = g.input("int8", alpha, scales[1], zeros[1])
        g.op("PRELU", [x, a], [g.output(dtype, shape, scales[2], zeros[2])])
        yield Case("PRELU", dtype, name, g, fewer(g, "PRELU", dtype, name))


def quotients():
    # name, shapes, scales, zero points, activation
    rows = [
        ("all dividends", (256,), [(256,)], (1 / 128, 1 / 128, 1 / 128), (0, 0, 0), NONE),
        ("fine output", (256,), [(256,)], (1.0, 0.008, 0.008), (3, -5, 7), NONE),
        ("relu", (3, 11), (3, 11), (0.05, 0.004, 0.09), (3, -5, -20), RELU),
        ("relu6", (3, 11), (3, 11), (0.05, 0.004, 0.09), (-50, 27, -128), RELU6),
        ("zero points at the ends", (4, 9), (4, 9), (0.03, 0.002, 0.11), (127, -128, 127), NONE),
        ("channels", (1, 3, 3, 5), [(5,)], (0.03, 0.002, 0.11), (2, 3, 4), NONE),
        ("scalar a", [(1,)], (5, 7), (0.9, 0.002, 0.11), (2, 3, 4), NONE),
        ("scalar b", (2, 5, 7), [()], (0.9, 0.002, 0.11), (2, 3, 4), NONE),
        ("five dimensions", (2, 1, 3, 2, 3), (1, 2, 3, 1, 1), (0.9, 0.002, 0.11), (2, 3, 4), NONE),
        ("odd scales", (3, 40), (3, 40), (0.0123456, 0.000765, 0.0271828), (-4, 44, -31), NONE),
        ("ties", (256,), [(256,)], (0.3, 0.01, 0.2), (0, 0, 0), NONE),
        ("more ties", (256,), [(256,)], (0.7, 0.01, 0.2), (0, 0, 0), NONE),
        ("odd scales 2", (3, 40), (3, 40), (0.9876, 0.0345678, 0.098765), (14, -44, 31), NONE),
    ]
    for name, a, b, scales, zeros, activation in rows:
        # The kernel's last shift is at most 31 for every pair of int8 numbers.
        assert scales[0] / (scales[1] * scales[2]) >= 64, name
        rng = random("DIV", "int8", name)

        def divisors(shape):
            values = full_range(rng, "int8", shape)
            return np.where(values == zeros[1], np.int8(zeros[1] ^ 1), values).astype(np.int8)

        g = Graph()
        if isinstance(a, list):
            x = g.const("int8", full_range(rng, "int8", a[0]), scales[0], zeros[0], shape=a[0])
        else:
            x = g.input("int8", a, scales[0], zeros[0])
        if isinstance(b, list):
            y = g.const("int8", divisors(b[0]), scales[1], zeros[1], shape=b[0])
        else:
            y = g.input("int8", b, scales[1], zeros[1])
        out = g.output("int8", np.broadcast_shapes(plain(a), plain(b)), scales[2], zeros[2])
        g.op("DIV", [x, y], [out], "DivOptions", version=2, fusedActivationFunction=activation)
        runs = []
        for k in range(4):
            every = np.roll(np.arange(-128, 128), k * 37).astype(np.int8)
            frame = [] if isinstance(a, list) else [every if a == (256,) else full_range(rng, "int8", a)]
            runs.append([frame + ([] if isinstance(b, list) else [divisors(b)])])
        yield Case("DIV", "int8", name, g, runs)
