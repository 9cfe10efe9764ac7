"""RELU, RELU6, RELU_N1_TO_1, LEAKY_RELU, ELU, HARD_SWISH, LOGISTIC, TANH, QUANTIZE and CAST: element by element on one operand.

int8 operands are given every value there is; int16 ones all steps of 251 and both ends. TFLM has no RELU_N1_TO_1, and its RELU6
clamps without rescaling: it is right where input and output have one scale, and only such models are here.
"""

import numpy as np

from generate import Case
from single_op import DTYPES, Graph, full_range, random


def cases():
    for dtype in ("int8", "int16"):
        yield from relu(dtype)
        yield from leaky_relu(dtype)
        yield from curves(dtype)
    yield from hard_swish()
    yield from elu()
    yield from quantize()
    yield from cast()


def every(dtype):
    """Every int8, or enough int16s; in int8 beyond 256 elements, where kernels may work another way."""
    if dtype == "int8":
        return np.arange(-128, 128).astype(np.int8)
    return np.append(np.arange(-32768, 32768, 251), [32767, 0, 1, -1]).astype(np.int16)


def case(op, dtype, name, scales, zeros, options=None, values=None, out=None, version=1, **fields):
    values = every(dtype) if values is None else values
    g = Graph()
    x = g.input(dtype, values.shape, scales[0], zeros[0])
    y = g.output(out or dtype, values.shape, scales[1], zeros[1])
    g.op(op, [x], [y], options, version=version, **fields)
    return Case(op, dtype, name, g, [[[values]]])


# name, scales of input and output, zero points
SCALES = [
    ("one scale", (0.05, 0.05), (-128, -128)),
    ("finer output", (0.05, 0.021), (3, -128)),
    ("coarser output", (0.05, 0.6), (-3, 5)),
    ("ends", (0.04, 0.03), (127, -128)),
    ("other ends", (0.04, 0.03), (-128, 127)),
    ("odd scales", (0.0123456, 0.0098765), (-31, 17)),
    ("saturating", (1.5, 0.01), (0, 0)),
    # In floats this is 3 to 2 and 2 to 3, in doubles not quite: halves are rounded the one way or the other.
    ("ties", (0.3, 0.2), (0, 0)),
    ("ties in alpha", (0.07, 0.028), (0, 0)),
]


def for_type(dtype, rows):
    for name, scales, zeros in rows:
        if dtype == "int16":
            scales, zeros = [s / 256 for s in scales], (0, 0)
        yield name, scales, zeros


def larger(dtype, name):
    """More than 256 elements, in any order."""
    return full_range(random("larger", dtype, name), dtype, (3, 7, 19))


def relu(dtype):
    for name, scales, zeros in for_type(dtype, SCALES):
        yield case("RELU", dtype, name, scales, zeros)
    yield case("RELU", dtype, "large", (0.05, 0.03), (0, 0), values=larger(dtype, "relu"))
    for zero in (-128, 0, 100) if dtype == "int8" else (0,):
        for scale in (0.05, 0.3):
            scale = scale if dtype == "int8" else scale / 256
            yield case("RELU6", dtype, f"scale {scale} zero {zero}", (scale, scale), (zero, zero))


def leaky_relu(dtype):
    for alpha in (0.2, 0.01, 1.7, -0.4):
        for name, scales, zeros in for_type(dtype, SCALES if alpha == 0.2 else SCALES[5:6]):
            name = f"{name} alpha {alpha}"
            yield case("LEAKY_RELU", dtype, name, scales, zeros, "LeakyReluOptions", alpha=alpha)
    for i in range(8):
        rng = random("LEAKY_RELU", dtype, i)
        scales = np.exp(rng.uniform(-5, 0, 2)).astype(np.float32)
        zeros = (0, 0) if dtype == "int16" else rng.integers(-128, 128, 2)
        alpha = float(rng.uniform(0.01, 0.9))
        yield case("LEAKY_RELU", dtype, f"random {i}", scales, zeros, "LeakyReluOptions", alpha=alpha)


def curves(dtype):
    for op in ("LOGISTIC", "TANH"):
        if dtype == "int8":
            out = (1 / 256, -128) if op == "LOGISTIC" else (1 / 128, 0)
            scales = [0.05, 0.1, 0.0123456, 0.25, 1.0, 3.0, 20.0, 1e-4, 2**-4, 0.0717]
            zeros = [0, 127, -128, 5, -77]
            rows = [(s, zeros[i % len(zeros)]) for i, s in enumerate(scales)]
        else:
            out = (2**-15, 0)
            scales = [2**-12, 2**-11, 2**-13, 2**-10, 2**-15, 0.0003, 0.00012, 0.001, 0.00024415, 1e-6, 0.01, 2.0]
            rows = [(s, 0) for s in scales]
        for scale, zero in rows:
            yield case(op, dtype, f"scale {scale} zero {zero}", (scale, out[0]), (zero, out[1]))
        scale = 0.06 if dtype == "int8" else 0.0002
        yield case(op, dtype, "large", (scale, out[0]), (0, out[1]), values=larger(dtype, op))


def hard_swish():
    # name, scales, zero points; the first scale is at most 128 times the second
    rows = [
        ("both sides", (0.05, 0.04), (0, -100)),
        ("large inputs", (0.4, 0.4), (-10, -128)),
        ("larger inputs", (3.0, 2.5), (7, -10)),
        ("largest inputs", (100.0, 90.0), (7, -10)),
        ("small inputs", (0.001, 0.0005), (3, 5)),
        ("smallest inputs", (1e-5, 1e-6), (0, 0)),
        ("ends", (0.08, 0.05), (127, -128)),
        ("other ends", (0.08, 0.05), (-128, 127)),
        ("fine output", (0.05, 0.0006), (0, 0)),
        ("coarse output", (0.05, 1.0), (1, 2)),
        ("odd scales", (0.0234567, 0.0198765), (-20, -90)),
        ("powers of two", (3 / 128, 3 / 128), (0, 0)),
    ]
    for name, scales, zeros in rows:
        yield case("HARD_SWISH", "int8", name, scales, zeros, "HardSwishOptions")
    values = larger("int8", "hard swish")
    yield case("HARD_SWISH", "int8", "large", (0.06, 0.05), (0, -110), "HardSwishOptions", values=values)


def elu():
    rows = SCALES + [("small", (0.001, 0.001), (0, 0)), ("steep", (0.5, 0.01), (100, 0)), ("wide", (8.0, 7.0), (0, 0))]
    for name, scales, zeros in rows:
        yield case("ELU", "int8", name, scales, zeros)
    for i in range(10):
        rng = random("ELU", i)
        scales = np.exp(rng.uniform(-4, 0, 2)).astype(np.float32)
        yield case("ELU", "int8", f"random {i}", scales, rng.integers(-128, 128, 2))


def quantize():
    wide = np.append(every("int16").astype(np.int64) * 65537, [2**31 - 1, -(2**31), 0, 1, 2, 127]).astype(np.int32)
    small = np.append(np.arange(-300, 300), [5000, -5000]).astype(np.int32)
    # type, output type, rows of name, scales, zero points, values
    same = [(name, scales, zeros, None) for name, scales, zeros in SCALES]
    wider = [("finer", (0.05, 0.0002), (3, 0), None), ("ends", (0.04, 0.004), (-128, 0), None), ("odd", (0.7, 0.0012345), (5, 0), None)]
    table = {
        ("int8", "int8"): same + [("large", (0.05, 0.07), (-128, 12), larger("int8", "quantize"))],
        ("int8", "int16"): wider + [("zero points", (0.05, 0.0003), (7, -400), None)],
        ("int8", "int32"): wider + [("left shift", (0.05, 1e-8), (7, 0), None)],
        ("int16", "int8"): [(n, (s[0] / 256, s[1]), (0, z[1]), None) for n, s, z in SCALES] + [("zero point", (0.001, 0.2), (500, 3), None)],
        ("int16", "int16"): [(n, (s[0] / 256, s[1] / 256), (0, 0), None) for n, s, z in SCALES] + [("zero point", (0.001, 0.002), (500, -77), None)],
        ("int16", "int32"): [("finer", (0.0005, 1e-7), (0, 0), None), ("coarser", (0.0005, 0.003), (0, 0), None), ("probabilities", (2**-16, 1e-5), (-32768, 0), None)],
        ("int32", "int8"): [("bias", (1e-9, 0.01), (0, -5), wide), ("counts", (0.05, 0.1), (0, 7), small)],
        ("int32", "int16"): [("bias", (1e-7, 0.01), (0, 0), wide), ("counts", (0.05, 0.1), (0, 0), small)],
        ("uint8", "int8"): [("image", (0.02, 0.05), (128, -3), np.arange(256).astype(np.uint8)), ("other", (0.02, 0.01), (0, 9), np.arange(256).astype(np.uint8))],
        ("int8", "uint8"): [("image", (0.02, 0.05), (7, 100), None), ("other", (0.02, 0.01), (0, 255), None)],
    }
    for (dtype, out), rows in table.items():
        for name, scales, zeros, values in rows:
            yield case("QUANTIZE", dtype, f"to {out} {name}", scales, zeros, "QuantizeOptions", values=values, out=out)


def cast():
    for dtype in ("int8", "int16", "int32"):
        info = np.iinfo(DTYPES[dtype])
        rng = random("CAST", dtype)
        values = np.append(full_range(rng, dtype, 40), [info.min, info.max, 0, -1]).astype(DTYPES[dtype])
        for out in ("int8", "int16", "int32"):
            if out != dtype:
                yield case("CAST", dtype, f"to {out}", (0.1, 0.1), (0, 0), "CastOptions", values=values, out=out)
