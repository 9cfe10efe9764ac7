"""Operators that TensorFlow Lite Micro has no kernel for, on TensorFlow Lite's own reference kernels: RELU_N1_TO_1."""

from generate import Case
from single_op import Graph, run_lite


def cases():
    for in_scale, in_zero, out_scale, out_zero in (
        (0.02, 0, 0.02, 0),
        (0.05, -128, 0.01, 3),
        (0.01, 60, 0.03, -40),
        (0.1, 20, 0.0079, 127),
    ):
        g = Graph()
        x = g.input("int8", (1, 4, 5, 3), in_scale, in_zero)
        y = g.output("int8", (1, 4, 5, 3), out_scale, out_zero)
        g.op("RELU_N1_TO_1", [x], [y])
        name = f"{in_scale} {in_zero} to {out_scale} {out_zero}"
        yield Case("RELU_N1_TO_1", "int8", name, g, engine=run_lite)
