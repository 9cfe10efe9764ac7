"""CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV, FULLY_CONNECTED, the two pools and SOFTMAX, int8 and int16 activations.

uint8 is checked on TensorFlow Lite, as TFLM has no uint8 kernels.
int16 activations have zero point 0, int8 weights and int64 biases, as the converter's 16x8 mode makes them.
"""

import numpy as np

from generate import Case
from single_op import Graph, full_range, random, run_lite, schema

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
NONE = schema.ActivationFunctionType.NONE
RELU = schema.ActivationFunctionType.RELU
RELU6 = schema.ActivationFunctionType.RELU6
RELU_N1 = schema.ActivationFunctionType.RELU_N1_TO_1

# How far the output's scale is from one in which random outputs just fit: < 1 saturates, > 1 leaves bits unused.
FITS, SATURATES, COARSE, FINE = 1.0, 0.12, 30.0, 1e-4


def cases():
    for dtype in ("int8", "int16"):
        yield from conv_2d(dtype)
        yield from depthwise_conv_2d(dtype)
        yield from transpose_conv(dtype)
        yield from fully_connected(dtype)
        yield from pools(dtype)
        yield from softmax(dtype)
    yield from int4()
    yield from uint8()


def int4():
    """Weights of 4 bits, two per byte; int8 activations."""
    rng = random("int4")
    for op, shape, filter_shape, axis in (
        ("CONV_2D", (1, 4, 5, 3), (4, 3, 3, 3), 0),
        ("CONV_2D", (1, 3, 3, 7), (3, 1, 1, 7), 0),
        ("DEPTHWISE_CONV_2D", (1, 5, 4, 5), (1, 3, 3, 5), 3),
        ("FULLY_CONNECTED", (2, 9), (5, 9), 0),
    ):
        g = Graph()
        channels = filter_shape[axis]
        dense = op == "FULLY_CONNECTED"
        scales = rng.uniform(0.02, 0.2, 1 if dense else channels).astype(np.float32)
        x = g.input("int8", shape, 0.05, -7)
        values = rng.integers(-8, 8, filter_shape)
        weights = g.const("int4", values, scales, axis=axis, shape=filter_shape)
        bias = g.const("int32", rng.integers(-4000, 4000, channels), 0.05 * scales)
        terms = np.prod(filter_shape) / channels
        y = g.output("int8", (*shape[:-1], channels), float(0.05 * np.mean(scales) * 4.6 * np.sqrt(terms)), 3)
        if dense:
            g.op(op, [x, weights, bias], [y], "FullyConnectedOptions", version=8)
        else:
            options = "Conv2DOptions" if op == "CONV_2D" else "DepthwiseConv2DOptions"
            more = {} if op == "CONV_2D" else {"depthMultiplier": 1}
            g.op(
                op, [x, weights, bias], [y], options, version=7, padding=SAME, strideH=1, strideW=1, dilationHFactor=1,
                dilationWFactor=1, **more,
            )
        yield Case(op, "int8", f"int4 weights {filter_shape[1]}x{filter_shape[-1]}", g)


def uint8():
    """Legacy models: uint8 throughout, one scale per tensor, weights with a zero point; int32 biases without."""
    rng = random("uint8")

    def graph(name, shape, zeros):
        g = Graph()
        return g, g.input("uint8", shape, 0.05, zeros[0])

    #     name              in              filter        stride  dilation padding activation zeros of in, weights, out
    convs = [
        ("3x3 same", (1, 5, 6, 3), (4, 3, 3, 3), (1, 1), (1, 1), SAME, NONE, (120, 131, 140)),
        ("stride valid relu6", (1, 7, 6, 2), (5, 3, 3, 2), (2, 2), (1, 1), VALID, RELU6, (0, 77, 0)),
        ("1x1 wide", (1, 3, 3, 36), (7, 1, 1, 36), (1, 1), (1, 1), SAME, NONE, (255, 200, 128)),
        ("dilated", (1, 7, 7, 2), (3, 3, 3, 2), (1, 1), (2, 2), SAME, RELU, (128, 0, 0)),
        ("symmetric weights", (1, 4, 4, 3), (4, 2, 2, 3), (1, 1), (1, 1), SAME, NONE, (100, 128, 100)),
        ("weights at 255", (1, 4, 4, 3), (4, 2, 2, 3), (1, 1), (1, 1), SAME, NONE, (9, 255, 250)),
    ]
    for name, shape, filter_shape, (sh, sw), (dh, dw), padding, act, zeros in convs:
        g, x = graph(name, shape, zeros)
        _, h, w, _ = shape
        out_c, fh, fw, depth = filter_shape
        weights = g.const("uint8", full_range(rng, "uint8", filter_shape), 0.0123, zeros[1])
        bias = g.const("int32", rng.integers(-20000, 20000, out_c), 0.05 * 0.0123)
        scale = 0.05 * 0.0123 * 110 * np.sqrt(fh * fw * depth) * 0.7
        out = (1, window(h, fh, sh, dh, padding), window(w, fw, sw, dw, padding), out_c)
        y = g.output("uint8", out, scale, zeros[2])
        g.op(
            "CONV_2D", [x, weights, bias], [y], "Conv2DOptions", version=2, padding=padding, strideH=sh, strideW=sw,
            dilationHFactor=dh, dilationWFactor=dw, fusedActivationFunction=act,
        )
        yield Case("CONV_2D", "uint8", name, g, engine=run_lite)
    depthwise = [
        ("3x3 same", (1, 5, 5, 4), (3, 3), 1, (1, 1), SAME, RELU6, (120, 131, 0)),
        ("wide", (1, 3, 3, 35), (3, 2), 1, (1, 1), SAME, NONE, (255, 60, 128)),
        ("multiplier 3", (1, 4, 5, 2), (2, 3), 3, (2, 1), VALID, NONE, (0, 190, 100)),
        ("one channel", (1, 5, 4, 1), (3, 3), 9, (2, 2), SAME, RELU, (77, 0, 0)),
    ]
    for name, shape, (fh, fw), multiplier, (sh, sw), padding, act, zeros in depthwise:
        g, x = graph(name, shape, zeros)
        _, h, w, c = shape
        out_c = c * multiplier
        weights = g.const("uint8", full_range(rng, "uint8", (1, fh, fw, out_c)), 0.0123, zeros[1])
        bias = g.const("int32", rng.integers(-20000, 20000, out_c), 0.05 * 0.0123)
        out = (1, window(h, fh, sh, 1, padding), window(w, fw, sw, 1, padding), out_c)
        y = g.output("uint8", out, 0.05 * 0.0123 * 110 * np.sqrt(fh * fw) * 0.7, zeros[2])
        g.op(
            "DEPTHWISE_CONV_2D", [x, weights, bias], [y], "DepthwiseConv2DOptions", version=2, padding=padding, strideH=sh,
            strideW=sw, dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=act, depthMultiplier=multiplier,
        )
        yield Case("DEPTHWISE_CONV_2D", "uint8", name, g, engine=run_lite)
    for name, shape, units, act, zeros in (
        ("plain", (1, 17), 6, NONE, (120, 131, 140)),
        ("wide relu", (1, 70), 5, RELU, (0, 77, 0)),
        ("batch 3", (3, 8), 4, RELU6, (255, 200, 0)),
    ):
        g, x = graph(name, shape, zeros)
        weights = g.const("uint8", full_range(rng, "uint8", (units, shape[1])), 0.0123, zeros[1])
        bias = g.const("int32", rng.integers(-20000, 20000, units), 0.05 * 0.0123)
        y = g.output("uint8", (shape[0], units), 0.05 * 0.0123 * 110 * np.sqrt(shape[1]) * 0.7, zeros[2])
        g.op("FULLY_CONNECTED", [x, weights, bias], [y], "FullyConnectedOptions", version=1, fusedActivationFunction=act)
        yield Case("FULLY_CONNECTED", "uint8", name, g, engine=run_lite)
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for name, shape, (fh, fw), (sh, sw), padding, act, zero in (
            ("3x3 same", (1, 5, 5, 4), (3, 3), (2, 2), SAME, NONE, 120),
            ("2x2 valid", (1, 4, 6, 3), (2, 2), (2, 2), VALID, RELU6, 0),
            ("global", (1, 4, 4, 18), (4, 4), (1, 1), VALID, NONE, 200),
        ):
            g, x = graph(name, shape, (zero,))
            n, h, w, c = shape
            out = (n, window(h, fh, sh, 1, padding), window(w, fw, sw, 1, padding), c)
            y = g.output("uint8", out, 0.05, zero)
            g.op(
                op, [x], [y], "Pool2DOptions", padding=padding, strideH=sh, strideW=sw, filterHeight=fh, filterWidth=fw,
                fusedActivationFunction=act,
            )
            # uint8 kernels round the halves of an average up, int8 ones away from zero, which is 128 here.
            yield Case(op, "uint8", name, g, engine=run_lite, tolerance=int(op == "AVERAGE_POOL_2D"))
    for name, shape, zero, beta in (("classes", (1, 10), 128, 1.0), ("rows", (3, 7), 0, 0.5), ("many", (1, 200), 255, 1.0)):
        g, x = graph(name, shape, (zero,))
        y = g.output("uint8", shape, 1 / 256, 0)
        g.op("SOFTMAX", [x], [y], "SoftmaxOptions", beta=beta)
        yield Case("SOFTMAX", "uint8", name, g, engine=run_lite)


def window(size, filter_size, stride, dilation, padding):
    effective = (filter_size - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else -(-(size - effective + 1) // stride)


class Layer:
    """Weights, bias and scales of one weighted operator; the output's scale follows from the number of terms summed."""

    def __init__(self, op, dtype, name, terms, channels, fit, per_tensor=False):
        self.rng = random(op, dtype, name)
        self.in_scale = 0.05 if dtype == "int8" else 0.0004
        low, high = (0.002, 0.02) if fit != FINE else (0.5, 1.5)
        self.scales = self.rng.uniform(low, high, 1 if per_tensor else channels).astype(np.float32)
        spread = 74 * np.sqrt(terms)  # of a sum of products with random weights, in steps of the input
        self.out_scale = float(np.mean(self.scales) * self.in_scale * spread * fit)
        self.dtype = dtype
        self.channels = channels
        self.terms = terms

    def weights(self, g, shape, axis):
        values = full_range(self.rng, "int8", shape).clip(-127)
        return g.const("int8", values, self.scales, axis=axis)

    def bias(self, g, kind="small"):
        """Large ones are spread over all magnitudes that the accumulator is meant for: 2^30 and 2^44."""
        narrow = self.dtype == "int8" or kind == "int32"
        if kind == "large":
            signs = self.rng.choice([-1, 1], self.channels)
            values = signs * np.exp2(np.linspace(8, 30 if narrow else 44, self.channels)).astype(np.int64)
        else:
            reach = (127 if self.dtype == "int8" else 32767) * 20 * int(np.sqrt(self.terms))
            values = self.rng.integers(-reach, reach, self.channels)
        return g.const("int32" if narrow else "int64", values, self.in_scale * self.scales)


def zero_points(dtype, zeros):
    return zeros if dtype == "int8" else (0, 0)


def conv_2d(dtype):
    # name, input NHWC, filter, out_c, stride, dilation, padding, activation, fit, zero points, more
    rows = [
        ("3x3 same", (1, 5, 6, 3), (3, 3), 4, (1, 1), (1, 1), SAME, NONE, FITS, (-3, 5), {}),
        ("3x3 valid stride 2 relu", (1, 7, 6, 2), (3, 3), 5, (2, 2), (1, 1), VALID, RELU, FITS, (127, -128), {}),
        ("1x1 wide", (1, 2, 3, 40), (1, 1), 9, (1, 1), (1, 1), SAME, NONE, FITS, (-128, 0), {}),
        ("3x3 wide rows", (1, 3, 3, 19), (3, 3), 3, (1, 1), (1, 1), SAME, RELU6, FITS, (7, -128), {}),
        ("dilation 2x3", (1, 7, 9, 2), (3, 3), 3, (1, 1), (2, 3), SAME, NONE, FITS, (11, -9), {}),
        ("dilation stride valid", (1, 9, 9, 1), (2, 3), 2, (2, 3), (3, 2), VALID, RELU_N1, FITS, (1, 2), {}),
        ("even filter uneven pads", (1, 5, 4, 3), (4, 2), 2, (1, 1), (1, 1), SAME, NONE, FITS, (-20, 20), {}),
        ("filter larger than input", (1, 2, 3, 2), (5, 7), 3, (1, 1), (1, 1), SAME, NONE, FITS, (0, 0), {}),
        ("batch 3", (3, 3, 2, 2), (2, 2), 2, (1, 2), (1, 1), SAME, NONE, FITS, (4, -4), {}),
        ("two groups", (1, 4, 4, 4), (3, 3), 6, (1, 1), (1, 1), SAME, NONE, FITS, (9, -30), {"groups": 2}),
        ("no bias", (1, 4, 3, 2), (3, 2), 3, (1, 1), (1, 1), SAME, NONE, FITS, (-1, 1), {"bias": None}),
        ("one scale", (1, 3, 3, 3), (2, 2), 4, (1, 1), (1, 1), VALID, NONE, FITS, (5, 6), {"per_tensor": True}),
        ("one row", (1, 1, 16, 2), (1, 5), 3, (1, 2), (1, 1), SAME, RELU, FITS, (3, -128), {}),
        ("saturating", (1, 3, 4, 3), (3, 3), 4, (1, 1), (1, 1), SAME, NONE, SATURATES, (-60, 100), {}),
        ("coarse output", (1, 3, 4, 3), (3, 3), 4, (1, 1), (1, 1), SAME, NONE, COARSE, (2, -7), {}),
        ("multiplier above one", (1, 2, 2, 1), (2, 2), 2, (1, 1), (1, 1), SAME, NONE, FINE, (0, 3), {}),
        ("large bias", (1, 2, 3, 2), (2, 2), 8, (1, 1), (1, 1), SAME, NONE, COARSE, (0, 3), {"bias": "large"}),
    ]
    if dtype == "int16":
        rows.append(("int32 bias", (1, 4, 5, 3), (3, 3), 4, (1, 1), (1, 1), SAME, NONE, FITS, (0, 0), {"bias": "int32"}))
    for name, shape, (fh, fw), out_c, (sh, sw), (dh, dw), padding, act, fit, zeros, more in rows:
        n, h, w, c = shape
        depth = c // more.get("groups", 1)
        layer = Layer("CONV_2D", dtype, name, fh * fw * depth, out_c, fit, more.get("per_tensor", False))
        in_zero, out_zero = zero_points(dtype, zeros)
        g = Graph()
        inputs = [g.input(dtype, shape, layer.in_scale, in_zero), layer.weights(g, (out_c, fh, fw, depth), 0)]
        if more.get("bias", "small") is not None:
            inputs.append(layer.bias(g, more.get("bias", "small")))
        out = (n, window(h, fh, sh, dh, padding), window(w, fw, sw, dw, padding), out_c)
        y = g.output(dtype, out, layer.out_scale, out_zero)
        g.op(
            "CONV_2D", inputs, [y], "Conv2DOptions", version=3 if dtype == "int8" else 4, padding=padding, strideH=sh,
            strideW=sw, dilationHFactor=dh, dilationWFactor=dw, fusedActivationFunction=act,
        )
        yield Case("CONV_2D", dtype, name, g)


def depthwise_conv_2d(dtype):
    # name, input NHWC, filter, depth multiplier, stride, dilation, padding, activation, fit, zero points, more
    rows = [
        ("3x3 same", (1, 5, 5, 4), (3, 3), 1, (1, 1), (1, 1), SAME, RELU6, FITS, (-3, -128), {}),
        ("wide block", (1, 3, 3, 35), (3, 2), 1, (1, 1), (1, 1), SAME, NONE, FITS, (127, 0), {}),
        ("stride 2 valid", (1, 7, 8, 3), (3, 3), 1, (2, 2), (1, 1), VALID, RELU, FITS, (-128, -128), {}),
        ("multiplier 2", (1, 4, 4, 3), (3, 3), 2, (1, 1), (1, 1), SAME, NONE, FITS, (10, -10), {}),
        ("multiplier 5 odd block", (1, 3, 2, 7), (2, 2), 5, (1, 1), (1, 1), SAME, NONE, FITS, (33, 1), {}),
        ("one channel to 8", (1, 6, 4, 1), (5, 4), 8, (2, 2), (1, 1), SAME, RELU, FITS, (0, -128), {}),
        ("one channel to 19", (1, 3, 3, 1), (2, 2), 19, (1, 1), (1, 1), VALID, NONE, FITS, (-77, 9), {}),
        ("dilation 2x3", (1, 7, 8, 2), (3, 3), 1, (1, 1), (2, 3), SAME, RELU_N1, FITS, (5, 8), {}),
        ("dilation stride multiplier", (1, 9, 8, 2), (2, 3), 3, (2, 1), (3, 2), VALID, NONE, FITS, (1, 2), {}),
        ("filter larger than input", (1, 2, 2, 3), (5, 5), 1, (1, 1), (1, 1), SAME, NONE, FITS, (44, -44), {}),
        ("batch 2", (2, 3, 4, 2), (2, 3), 1, (1, 2), (1, 1), SAME, NONE, FITS, (-5, 5), {}),
        ("no bias", (1, 4, 3, 5), (3, 3), 1, (1, 1), (1, 1), SAME, NONE, FITS, (2, 3), {"bias": None}),
        ("one row", (1, 1, 14, 3), (1, 4), 1, (1, 2), (1, 1), SAME, NONE, FITS, (8, -8), {}),
        ("one scale", (1, 4, 3, 4), (2, 2), 1, (1, 1), (1, 1), SAME, NONE, FITS, (2, 3), {"per_tensor": True}),
        ("saturating", (1, 4, 4, 4), (3, 3), 1, (1, 1), (1, 1), SAME, NONE, SATURATES, (-60, 100), {}),
        ("coarse output", (1, 4, 4, 4), (3, 3), 1, (1, 1), (1, 1), SAME, NONE, COARSE, (2, -7), {}),
        ("multiplier above one", (1, 2, 2, 2), (2, 2), 1, (1, 1), (1, 1), SAME, NONE, FINE, (0, 3), {}),
        ("large bias", (1, 2, 2, 8), (2, 2), 1, (1, 1), (1, 1), SAME, NONE, COARSE, (0, 3), {"bias": "large"}),
    ]
    for name, shape, (fh, fw), multiplier, (sh, sw), (dh, dw), padding, act, fit, zeros, more in rows:
        n, h, w, c = shape
        out_c = c * multiplier
        layer = Layer("DEPTHWISE_CONV_2D", dtype, name, fh * fw, out_c, fit, more.get("per_tensor", False))
        in_zero, out_zero = zero_points(dtype, zeros)
        g = Graph()
        inputs = [g.input(dtype, shape, layer.in_scale, in_zero), layer.weights(g, (1, fh, fw, out_c), 3)]
        if more.get("bias", "small") is not None:
            inputs.append(layer.bias(g, more.get("bias", "small")))
        out = (n, window(h, fh, sh, dh, padding), window(w, fw, sw, dw, padding), out_c)
        y = g.output(dtype, out, layer.out_scale, out_zero)
        g.op(
            "DEPTHWISE_CONV_2D", inputs, [y], "DepthwiseConv2DOptions", version=3 if dtype == "int8" else 5, padding=padding,
            strideH=sh, strideW=sw, dilationHFactor=dh, dilationWFactor=dw, fusedActivationFunction=act,
            depthMultiplier=multiplier,
        )
        yield Case("DEPTHWISE_CONV_2D", dtype, name, g)


def transpose_conv(dtype):
    # name, input NHWC, filter, out_c, stride, padding, output HW, activation, fit, zero points, bias
    rows = [
        ("3x3 stride 2 same", (1, 3, 4, 3), (3, 3), 4, (2, 2), SAME, (6, 8), NONE, FITS, (-3, 5), "small"),
        ("3x3 stride 2 same odd", (1, 3, 4, 2), (3, 3), 3, (2, 2), SAME, (5, 7), NONE, FITS, (127, -128), "small"),
        ("3x3 stride 1 valid", (1, 3, 3, 2), (3, 3), 2, (1, 1), VALID, (5, 5), NONE, FITS, (-128, 0), "small"),
        ("2x4 stride 3x2 valid", (1, 2, 3, 3), (2, 4), 5, (3, 2), VALID, (5, 8), NONE, FITS, (7, 8), "small"),
        ("stride beyond filter", (1, 3, 2, 2), (1, 2), 3, (3, 4), SAME, (9, 8), NONE, FITS, (5, -5), "small"),
        ("wide", (1, 2, 2, 33), (2, 2), 6, (2, 2), SAME, (4, 4), NONE, FITS, (0, 0), "small"),
        ("batch 2", (2, 2, 2, 2), (3, 2), 2, (2, 1), SAME, (4, 2), NONE, FITS, (-9, 9), "small"),
        ("one row", (1, 1, 6, 3), (1, 4), 2, (1, 2), SAME, (1, 12), NONE, FITS, (21, -9), "small"),
        ("relu", (1, 3, 3, 2), (3, 3), 3, (2, 2), SAME, (6, 6), RELU, FITS, (-5, -7), "small"),
        ("relu6", (1, 3, 3, 2), (2, 3), 3, (1, 1), SAME, (3, 3), RELU6, FITS, (-5, -7), "small"),
        ("no bias", (1, 2, 3, 2), (3, 3), 3, (2, 2), SAME, (4, 6), NONE, FITS, (1, 2), None),
        ("saturating", (1, 3, 3, 3), (3, 3), 3, (2, 2), SAME, (6, 6), NONE, SATURATES, (-60, 100), "small"),
        ("coarse output", (1, 3, 3, 3), (3, 3), 3, (1, 1), SAME, (3, 3), NONE, COARSE, (2, -7), "small"),
        ("large bias", (1, 2, 2, 2), (2, 2), 6, (2, 2), SAME, (4, 4), NONE, COARSE, (0, 3), "large"),
    ]
    for name, shape, (fh, fw), out_c, (sh, sw), padding, (oh, ow), act, fit, zeros, bias in rows:
        n, _, _, c = shape
        layer = Layer("TRANSPOSE_CONV", dtype, name, max(1, fh * fw // (sh * sw)) * c, out_c, fit)
        in_zero, out_zero = zero_points(dtype, zeros)
        g = Graph()
        out = (n, oh, ow, out_c)
        inputs = [
            g.const("int32", out),
            layer.weights(g, (out_c, fh, fw, c), 0),
            g.input(dtype, shape, layer.in_scale, in_zero),
        ]
        if bias is not None:
            inputs.append(layer.bias(g, bias))
        y = g.output(dtype, out, layer.out_scale, out_zero)
        g.op(
            "TRANSPOSE_CONV", inputs, [y], "TransposeConvOptions", version=3 if act == NONE else 4, padding=padding, strideH=sh, strideW=sw,
            fusedActivationFunction=act,
        )
        yield Case("TRANSPOSE_CONV", dtype, name, g)


def fully_connected(dtype):
    # name, input, units, activation, fit, zero points, more
    rows = [
        ("plain", (1, 17), 6, NONE, FITS, (-3, 5), {}),
        ("wide", (1, 70), 5, RELU, FITS, (127, -128), {}),
        ("batch 3", (3, 8), 4, RELU6, FITS, (-128, -128), {}),
        ("one of each", (1, 1), 1, NONE, FITS, (9, 0), {}),
        ("four dimensions", (1, 2, 3, 4), 5, NONE, FITS, (4, -4), {"flatten": True}),
        ("three dimensions kept", (2, 3, 5), 4, NONE, FITS, (1, 2), {"keep": True}),
        ("no bias", (1, 12), 7, RELU_N1, FITS, (-1, 1), {"bias": None}),
        ("saturating", (2, 16), 6, NONE, SATURATES, (-60, 100), {}),
        ("coarse output", (2, 16), 6, NONE, COARSE, (2, -7), {}),
        ("multiplier above one", (1, 3), 4, NONE, FINE, (0, 3), {}),
        ("large bias", (1, 6), 8, NONE, COARSE, (0, 3), {"bias": "large"}),
    ]
    if dtype == "int16":
        # More terms than one 32-bit partial sum of the kernels takes, at the extremes of both operands.
        rows.append(("long rows", (1, 1100), 2, NONE, FITS, (0, 0), {"extremes": True}))
        rows.append(("int32 bias", (2, 9), 5, NONE, FITS, (0, 0), {"bias": "int32"}))
    rows.append(("per channel", (1, 24), 9, NONE, FITS, (6, -6), {"per_channel": True}))
    rows.append(("per channel batch 2", (2, 10), 3, RELU, FITS, (-128, -128), {"per_channel": True}))
    for name, shape, units, act, fit, zeros, more in rows:
        depth = int(np.prod(shape)) // shape[0] if more.get("flatten") else shape[-1]
        layer = Layer("FULLY_CONNECTED", dtype, name, depth, units, fit, not more.get("per_channel", False))
        in_zero, out_zero = zero_points(dtype, zeros)
        g = Graph()
        x = g.input(dtype, shape, layer.in_scale, in_zero)
        if more.get("extremes"):
            weights = g.const("int8", np.array([[-128], [127]]).repeat(depth, 1), layer.scales)
        else:
            weights = layer.weights(g, (units, depth), 0)
        inputs = [x, weights]
        if more.get("bias", "small") is not None:
            inputs.append(layer.bias(g, more.get("bias", "small")))
        out = (*shape[:-1], units) if more.get("keep") else (int(np.prod(shape)) // depth, units)
        y = g.output(dtype, out, layer.out_scale, out_zero)
        g.op(
            "FULLY_CONNECTED", inputs, [y], "FullyConnectedOptions", version=12 if more.get("per_channel") else 4 if dtype == "int8" else 7,
            fusedActivationFunction=act, keepNumDims=more.get("keep", False),
        )
        yield Case("FULLY_CONNECTED", dtype, name, g)


def pools(dtype):
    # name, input NHWC, filter, stride, padding, activation, scale, zero point
    rows = [
        ("2x2 valid", (1, 4, 6, 3), (2, 2), (2, 2), VALID, NONE, 0.1, -3),
        ("3x3 same stride 2", (1, 5, 5, 2), (3, 3), (2, 2), SAME, NONE, 0.1, 127),
        ("3x2 same stride 1", (1, 4, 5, 5), (3, 2), (1, 1), SAME, RELU, 0.05, 10),
        ("global", (1, 5, 4, 18), (5, 4), (1, 1), VALID, NONE, 0.1, 0),
        ("filter larger than input", (1, 3, 2, 3), (5, 5), (1, 1), SAME, RELU6, 0.05, -128),
        ("stride beyond filter", (1, 7, 8, 2), (1, 2), (3, 3), VALID, NONE, 0.1, 1),
        ("uneven stride", (1, 7, 6, 2), (4, 2), (1, 3), SAME, RELU_N1, 0.02, -20),
        ("batch 2", (2, 3, 3, 4), (2, 2), (1, 1), VALID, NONE, 0.1, 5),
        ("one row", (1, 1, 11, 2), (1, 3), (1, 2), SAME, NONE, 0.1, 5),
        ("wide channels", (1, 3, 3, 37), (2, 2), (1, 1), SAME, NONE, 0.1, 0),
    ]
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for name, shape, (fh, fw), (sh, sw), padding, act, scale, zero in rows:
            n, h, w, c = shape
            scale, zero = (scale, zero) if dtype == "int8" else (scale / 256, 0)
            g = Graph()
            x = g.input(dtype, shape, scale, zero)
            y = g.output(dtype, (n, window(h, fh, sh, 1, padding), window(w, fw, sw, 1, padding), c), scale, zero)
            g.op(
                op, [x], [y], "Pool2DOptions", version=2 if dtype == "int8" else 3, padding=padding, strideH=sh, strideW=sw,
                filterHeight=fh, filterWidth=fw, fusedActivationFunction=act,
            )
            yield Case(op, dtype, name, g)


def softmax(dtype):
    # name, shape, scale of the input, zero point, beta, int16 output of an int8 input
    rows = [
        ("ten classes", (1, 10), 0.1, 5, 1.0, False),
        ("rows", (3, 7), 0.05, -128, 1.0, False),
        ("one class", (2, 1), 0.1, 0, 1.0, False),
        ("two classes", (4, 2), 0.02, 127, 1.0, False),
        ("beta 0.25", (2, 5), 0.3, 3, 0.25, False),
        ("beta 3", (2, 5), 0.1, 3, 3.0, False),
        ("steep", (2, 6), 1.7, 0, 1.0, False),
        ("flat", (2, 6), 0.0005, 0, 1.0, False),
        ("four dimensions", (1, 2, 3, 4), 0.06, 0, 1.0, False),
        ("many classes", (1, 300), 0.04, 0, 1.0, False),
    ]
    if dtype == "int8":
        rows += [
            ("int16 output", (2, 6), 0.09, 11, 1.0, True),
            ("int16 output steep", (2, 9), 0.8, -5, 1.0, True),
            ("int16 output many", (1, 100), 0.05, 0, 1.0, True),
        ]
    for name, shape, scale, zero, beta, wide in rows:
        rng = random("SOFTMAX", dtype, name)
        g = Graph()
        if dtype == "int16":
            scale, zero = scale / 200, 0
        x = g.input(dtype, shape, scale, zero)
        if dtype == "int16":
            g.output("int16", shape, 1 / 32768, 0)
        elif wide:
            g.output("int16", shape, 1 / 65536, -32768)
        else:
            g.output("int8", shape, 1 / 256, -128)
        g.op("SOFTMAX", [x], g.subgraph.outputs, "SoftmaxOptions", version=2 if dtype == "int8" else 3, beta=beta)
        frames = [full_range(rng, dtype, shape) for _ in range(3)]
        # Values near each other, where most classes have a share; and one class far above the rest.
        reach = 30 if dtype == "int8" else 3000
        frames += [rng.integers(-reach, reach, shape).astype(dtype) for _ in range(3)]
        peak = np.full(shape, np.iinfo(dtype).min, dtype)
        peak[..., shape[-1] // 2] = np.iinfo(dtype).max
        frames += [peak, np.full(shape, zero, dtype)]
        yield Case("SOFTMAX", dtype, name, g, [[[frame]] for frame in frames])
