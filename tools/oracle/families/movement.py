"""Ops that move elements: their bytes, so two random frames say everything and shapes are small and odd."""

import numpy as np

from generate import Case
from single_op import Graph, full_range, random

# Scales mean nothing here; int32 has none.
QUANTIZED = {"int8": {"scale": 0.1, "zero": 3}, "int16": {"scale": 0.002, "zero": 0}, "int32": {}}
REFLECT, SYMMETRIC = 0, 1


def frames(graph, rng, count=2):
    return [[[full_range(rng, dtype, shape) for dtype, shape, _ in graph.input_types]] for _ in range(count)]


def case(op, dtype, name, inputs, outputs, before=(), after=(), options=None, count=2, quantized=None, **fields):
    """before, after: constant operands around the data, each (type, values, quantization) or int32 values."""
    g = Graph()
    q = quantized or QUANTIZED[dtype]

    def constant(values):
        kind, data, more = values if isinstance(values, tuple) else ("int32", values, {})
        return g.const(kind, np.array(data), **more)

    first = [constant(v) for v in before]
    data = [g.input(dtype, shape, **q) for shape in inputs]
    operands = first + data + [constant(v) for v in after]
    results = [g.output(dtype, shape, **q) for shape in outputs]
    g.op(op, operands, results, options, **fields)
    return Case(op, dtype, name, g, frames(g, random(op, dtype, name), count))


def cases():
    for dtype in ("int8", "int16", "int32"):
        yield from pads(dtype)
        yield from parts(dtype)
        yield from slices(dtype)
        yield from shapes(dtype)
    for dtype in ("int8", "int16"):
        yield from transposes(dtype)
        yield from resizes(dtype)
    yield from mirrors()
    yield from gathers()
    yield from bilinear()
    yield from spaces()


def pads(dtype):
    q = QUANTIZED[dtype]
    rows = [
        ("rows and columns", (1, 3, 4, 3), [[0, 0], [1, 2], [2, 1], [0, 0]]),
        ("right and bottom only", (1, 3, 4, 1), [[0, 0], [0, 1], [0, 1], [0, 0]]),
        ("every side of four", (2, 3, 2, 2), [[1, 1], [0, 2], [1, 0], [2, 3]]),
        ("five dimensions", (2, 1, 2, 3, 2), [[1, 0], [0, 1], [1, 1], [2, 0], [0, 1]]),
        ("one dimension", (5,), [[2, 3]]),
        ("nothing", (2, 3), [[0, 0], [0, 0]]),
    ]
    for name, shape, around in rows:
        out = tuple(n + a + b for n, (a, b) in zip(shape, around))
        yield case("PAD", dtype, name, [shape], [out], after=[around], options="PadOptions")
        value = (dtype, [-77], q)
        yield case("PADV2", dtype, name, [shape], [out], after=[around, value], options="PadV2Options")


def mirrors():
    rows = [
        ("rows", (3, 4), [[2, 2], [0, 0]]),
        ("columns", (3, 4), [[0, 0], [3, 1]]),
        ("image", (1, 4, 3, 2), [[0, 0], [3, 1], [2, 2], [0, 0]]),
        ("all of three", (3, 2, 4), [[1, 2], [1, 0], [0, 3]]),
    ]
    for mode, word in ((REFLECT, "reflect"), (SYMMETRIC, "symmetric")):
        for name, shape, around in rows:
            out = tuple(n + a + b for n, (a, b) in zip(shape, around))
            yield case(
                "MIRROR_PAD", "int8", f"{word} {name}", [shape], [out], after=[around],
                options="MirrorPadOptions", mode=mode,
            )


def parts(dtype):
    def along(shape, axis, n):
        return tuple(n if i == axis % len(shape) else e for i, e in enumerate(shape))

    rows = [
        ("last of four", (1, 2, 3, 4), 3, [4, 1, 3]), ("first", (2, 3), 0, [1, 2, 5]), ("middle", (2, 3, 3), 1, [3, 2]),
        ("negative axis", (2, 3, 3), -2, [1, 1]), ("eight", (2, 1), 1, [1, 2, 1, 1, 3, 1, 1, 2]), ("one", (3, 2), 0, [4]),
    ]
    for name, shape, axis, sizes in rows:
        many, whole = [along(shape, axis, n) for n in sizes], along(shape, axis, sum(sizes))
        yield case("CONCATENATION", dtype, name, many, [whole], options="ConcatenationOptions", axis=axis)
        yield case(
            "SPLIT_V", dtype, name, [whole], many, after=[sizes, axis], options="SplitVOptions", numSplits=len(sizes)
        )
        equal = [along(shape, axis, 2)] * 3
        yield case(
            "SPLIT", dtype, name, [along(shape, axis, 6)], equal, before=[axis], options="SplitOptions", numSplits=3
        )
    rows = [("first", (2, 3), 0, 4), ("last", (2, 3), 2, 2), ("middle", (2, 3), 1, 3), ("negative", (2, 1, 3), -2, 2), ("vectors", (5,), 0, 3)]
    for name, shape, axis, count in rows:
        at = axis + len(shape) + 1 if axis < 0 else axis
        whole = shape[:at] + (count,) + shape[at:]
        yield case(
            "PACK", dtype, name, [shape] * count, [whole], options="PackOptions", axis=axis, valuesCount=count
        )
        yield case("UNPACK", dtype, name, [whole], [shape] * count, options="UnpackOptions", axis=axis, num=count)


def slices(dtype):
    rows = [
        ("rows", (5, 3), [1, 0], [3, 3]), ("block", (4, 5, 3), [1, 2, 1], [2, 3, 1]), ("rest", (4, 5), [1, 3], [-1, -1]),
        ("five dimensions", (2, 1, 3, 2, 4), [1, 0, 1, 0, 1], [1, 1, 2, 2, 2]), ("vector", (9,), [4], [5]),
    ]
    for name, shape, begin, size in rows:
        out = tuple(n - b if s < 0 else s for n, b, s in zip(shape, begin, size))
        yield case("SLICE", dtype, name, [shape], [out], after=[begin, size], options="SliceOptions")
    rows = [
        ("plain", (5, 4), [1, 0], [4, 4], [1, 1], {}), ("steps", (7, 5), [1, 0], [7, 5], [3, 2], {}),
        ("backwards", (7, 3), [5, 2], [0, -4], [-2, -1], {}), ("masks", (5, 4), [3, 3], [1, 1], [1, 2], {"beginMask": 3, "endMask": 3}),
        ("masks backwards", (5, 4), [3, 3], [1, 1], [-1, -3], {"beginMask": 3, "endMask": 3}), ("negative", (6, 4), [-4, -3], [-1, -1], [1, 1], {}),
        ("beyond", (4, 3), [-9, 1], [99, 99], [1, 1], {}), ("shrunk", (4, 3, 2), [2, 0, 1], [3, 3, 2], [1, 1, 1], {"shrinkAxisMask": 5}),
        ("shrunk from the end", (4, 3), [-1, 0], [0, 3], [1, 1], {"shrinkAxisMask": 1}),
        ("one mask of three", (4, 3, 5), [1, 1, 1], [3, 2, 4], [1, 1, 2], {"beginMask": 2, "endMask": 4}),
        ("four dimensions", (2, 5, 4, 3), [0, 4, 0, 1], [2, 0, 4, 3], [1, -2, 3, 1], {}),
    ]
    for name, shape, begin, end, strides, masks in rows:
        sizes = []
        for i, n in enumerate(shape):
            bit = 1 << i
            b = None if masks.get("beginMask", 0) & bit else begin[i]
            e = None if masks.get("endMask", 0) & bit else end[i]
            if masks.get("shrinkAxisMask", 0) & bit:
                continue
            sizes.append(len(range(n)[b:e:strides[i]]))
        yield case(
            "STRIDED_SLICE", dtype, name, [shape], [tuple(sizes)], after=[begin, end, strides],
            options="StridedSliceOptions", **masks,
        )


def shapes(dtype):
    yield case("RESHAPE", dtype, "rows", [(2, 3, 4)], [(4, 6)], after=[[4, 6]], options="ReshapeOptions", newShape=[4, 6])
    yield case("SQUEEZE", dtype, "two", [(1, 3, 1, 2)], [(3, 2)], options="SqueezeOptions", squeezeDims=[0, 2])
    if dtype != "int32":
        yield case("EXPAND_DIMS", dtype, "middle", [(3, 2)], [(3, 1, 2)], after=[1], options="ExpandDimsOptions")
    rows = [("row", (1, 4), (3, 4)), ("column", (3, 1), (3, 4)), ("leading", (2,), (2, 3, 2)), ("between", (2, 1, 3), (2, 4, 3)), ("both ends", (1, 3, 1), (2, 3, 2))]
    for name, shape, out in rows:
        yield case("BROADCAST_TO", dtype, name, [shape], [out], after=[list(out)], options="BroadcastToOptions")


def transposes(dtype):
    rows = [
        ((3, 4), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (0, 2, 1)), ((1, 3, 4, 2), (0, 3, 1, 2)), ((2, 2, 3, 4), (3, 2, 1, 0)),
        ((1, 2, 3, 5), (0, 2, 3, 1)), ((2, 3, 1, 2, 2), (4, 1, 3, 0, 2)), ((5,), (0,)), ((2, 3, 4), (0, 1, 2)),
    ]
    for shape, perm in rows:
        out = tuple(shape[d] for d in perm)
        yield case(
            "TRANSPOSE", dtype, f"{shape} {perm}", [shape], [out], after=[list(perm)], options="TransposeOptions"
        )


def sizes():
    return [((3, 4), (6, 8)), ((4, 3), (2, 3)), ((3, 5), (7, 4)), ((1, 1), (3, 2)), ((5, 2), (1, 5)), ((7, 3), (3, 10))]


def resizes(dtype):
    for align in (False, True):
        for half in (False, True):
            if align and half:
                continue
            for (h, w), (out_h, out_w) in sizes():
                name = f"{h}x{w} to {out_h}x{out_w}{' align' if align else ''}{' half' if half else ''}"
                yield case(
                    "RESIZE_NEAREST_NEIGHBOR", dtype, name, [(1, h, w, 2)], [(1, out_h, out_w, 2)], after=[[out_h, out_w]],
                    options="ResizeNearestNeighborOptions", alignCorners=align, halfPixelCenters=half,
                )
    # Rounding of float coordinates shows in long rows only.
    for out_w in (97, 113):
        for align, half in ((False, False), (True, False), (False, True)):
            yield case(
                "RESIZE_NEAREST_NEIGHBOR", dtype, f"41 to {out_w} {align} {half}", [(1, 1, 41, 1)], [(1, 1, out_w, 1)],
                after=[[1, out_w]], options="ResizeNearestNeighborOptions", alignCorners=align, halfPixelCenters=half,
                count=1,
            )


def bilinear():
    for align, half in ((False, False), (True, False), (False, True)):
        for (h, w), (out_h, out_w) in sizes():
            name = f"{h}x{w} to {out_h}x{out_w}{' align' if align else ''}{' half' if half else ''}"
            yield case(
                "RESIZE_BILINEAR", "int8", name, [(2, h, w, 3)], [(2, out_h, out_w, 3)], after=[[out_h, out_w]],
                options="ResizeBilinearOptions", alignCorners=align, halfPixelCenters=half, count=3,
            )


def gathers():
    rows = [
        ("rows", (4, 3), [3, 0, 0, 2], 0, 0), ("columns", (4, 3), [2, 1], 1, 0), ("scalar", (4, 3), 2, 0, 0), ("matrix of indices", (2, 4, 3), [[1, 3], [0, 2]], 1, 0),
        ("batches", (2, 4, 3), [[1, 3], [0, 2]], 1, 1), ("last of three", (2, 3, 4), [3, 1], -1, 0), ("batches behind", (2, 3, 4), [[3], [0]], 2, 1),
    ]
    for name, shape, indices, axis, batch in rows:
        index_shape = np.shape(indices)
        at = axis % len(shape)
        out = shape[:at] + index_shape[batch:] + shape[at + 1 :]
        yield case(
            "GATHER", "int8", name, [shape], [out], after=[indices], options="GatherOptions", axis=axis, batchDims=batch
        )


def spaces():
    for block, shape in ((2, (1, 4, 6, 3)), (3, (2, 3, 6, 1)), (1, (1, 2, 2, 2))):
        n, h, w, c = shape
        small = (n, h // block, w // block, c * block * block)
        yield case(
            "SPACE_TO_DEPTH", "int8", f"block {block}", [shape], [small], options="SpaceToDepthOptions", blockSize=block
        )
        yield case(
            "DEPTH_TO_SPACE", "int8", f"block {block}", [small], [shape], options="DepthToSpaceOptions", blockSize=block
        )
    rows = [
        ("plain", (1, 4, 6, 2), [2, 3], [[0, 0], [0, 0]]), ("padded", (1, 3, 5, 2), [2, 2], [[1, 0], [0, 1]]), ("batches", (2, 2, 2, 3), [2, 2], [[0, 0], [2, 0]]),
        ("three dimensions", (1, 5, 2), [3], [[1, 0]]), ("one block", (1, 2, 3, 1), [1, 1], [[0, 0], [0, 0]]),
    ]
    for name, shape, block, around in rows:
        n, *rest = shape
        padded = [e + sum(around[i]) if i < len(block) else e for i, e in enumerate(rest)]
        batched = (n * int(np.prod(block)), *(e // block[i] if i < len(block) else e for i, e in enumerate(padded)))
        # TFLM pads with a parameter it never sets; TFLite with the zero point. At zero point 0 both do the same.
        yield case(
            "SPACE_TO_BATCH_ND", "int8", name, [shape], [batched], after=[block, around], options="SpaceToBatchNDOptions",
            quantized={"scale": 0.1, "zero": 0},
        )
        yield case(
            "BATCH_TO_SPACE_ND", "int8", name, [batched], [shape], after=[block, around], options="BatchToSpaceNDOptions"
        )
