"""CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, pools, SOFTMAX."""

import numpy as np

from generate import Case
from single_op import Graph, full_range, random, schema

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
NONE, RELU, RELU6 = (
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU6,
)


def cases():
    yield from conv_2d("int8")


def window(size, filter_size, stride, dilation, padding):
    effective = (filter_size - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else -(-(size - effective + 1) // stride)


def conv_2d(dtype):
    #     name                  in (n, h, w, c)   filter   out_c  stride  dilation  padding  act    zeros
    rows = [
        ("3x3 same", (1, 5, 6, 3), (3, 3), 4, (1, 1), (1, 1), SAME, NONE, (-3, 5)),
    ]
    for name, shape, (fh, fw), out_c, (sh, sw), (dh, dw), padding, act, (in_zero, out_zero) in rows:
        rng = random("CONV_2D", dtype, name)
        n, h, w, c = shape
        g = Graph()
        in_scale, scales = 0.05, rng.uniform(0.002, 0.02, out_c)
        x = g.input(dtype, shape, in_scale, in_zero)
        weights = g.const("int8", full_range(rng, "int8", (out_c, fh, fw, c)).clip(-127), scales)
        bias = g.const("int32", rng.integers(-9000, 9000, out_c), in_scale * scales)
        out = (n, window(h, fh, sh, dh, padding), window(w, fw, sw, dw, padding), out_c)
        y = g.output(dtype, out, float(in_scale * 0.01 * 74 * np.sqrt(fh * fw * c)), out_zero)
        g.op(
            "CONV_2D", [x, weights, bias], [y], "Conv2DOptions", version=3, padding=padding,
            strideH=sh, strideW=sw, dilationHFactor=dh, dilationWFactor=dw, fusedActivationFunction=act,
        )
        yield Case("CONV_2D", dtype, name, g)
