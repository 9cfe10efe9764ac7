"""Small ONNX models, one idea each, and what ONNX Runtime computes for them: vectors of our ONNX frontend.

python tools/oracle/formats/onnx_cases.py   (pip: onnx, onnxruntime; see ../requirements-formats.txt)

Writes onnx.gz and onnx-trees.gz beside itself: each a gzipped JSON list of {name, model, inputs, outputs}, bytes in base64, tensors float32.
"""
import base64
import gzip
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
CASES = []


def values(*shape, seed=0, low=-2.0, high=2.0):
    rng = np.random.default_rng([seed, *shape])
    # Few bits: small files, and sums that do not depend on their order.
    return (np.round(rng.uniform(low, high, shape) * 16) / 16).astype(np.float32)


def case(name, nodes, inputs, outputs=1, consts=None, opset=13):
    """inputs: {name: shape}; consts: {name: array}; results are called y, y1, ..."""
    names = ["y"] + [f"y{i}" for i in range(1, outputs)]
    graph = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info(n, FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, FLOAT, None) for n in names],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in (consts or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8 if opset > 9 else 4)
    model = onnx.shape_inference.infer_shapes(model) if opset >= 9 else model
    del model.graph.value_info[:]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    feed = {n: values(*[d if isinstance(d, int) else 1 for d in s], seed=i + 1) for i, (n, s) in enumerate(inputs.items())}
    results = session.run(names, feed)

    def tensor(a):
        return {"shape": list(a.shape), "data": base64.b64encode(np.ascontiguousarray(a, np.float32).tobytes()).decode()}

    CASES.append({
        "name": name,
        "model": base64.b64encode(model.SerializeToString()).decode(),
        "inputs": [tensor(a) for a in feed.values()],
        "outputs": [tensor(a) for a in results],
    })


def node(op, inputs="x", output="y", **attributes):
    split = lambda s: s.split() if isinstance(s, str) else s
    return helper.make_node(op, split(inputs), split(output), **attributes)


def one(name, op, shape=(1, 3, 5, 6), opset=13, consts=None, outputs=1, **attributes):
    consts = consts or {}
    inputs = ["x", *consts]
    outs = ["y"] + [f"y{i}" for i in range(1, outputs)]
    case(name, [node(op, inputs, outs, **attributes)], {"x": shape}, outputs, consts, opset)


i64 = lambda *v: np.array(v, np.int64)


def convolutions():
    x = (1, 4, 7, 6)
    w = lambda *s: {"w": values(*s, seed=7)}
    b = lambda n: {"b": values(n, seed=8)}
    one("Conv 3x3 pads", "Conv", x, consts={**w(5, 4, 3, 3), **b(5)}, pads=[1, 0, 2, 1], strides=[2, 1])
    one("Conv dilated", "Conv", x, consts=w(2, 4, 3, 2), dilations=[2, 3])
    one("Conv SAME_UPPER", "Conv", x, consts=w(3, 4, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2])
    one("Conv SAME_LOWER", "Conv", x, consts=w(3, 4, 2, 2), auto_pad="SAME_LOWER")
    one("Conv depthwise", "Conv", x, consts={**w(4, 1, 3, 3), **b(4)}, group=4, pads=[1, 1, 1, 1])
    one("Conv depthwise x2", "Conv", x, consts=w(8, 1, 3, 3), group=4)
    one("Conv groups", "Conv", x, consts={**w(6, 2, 3, 3), **b(6)}, group=2)
    one("Conv 1-D", "Conv", (1, 3, 9), consts={**w(4, 3, 3), **b(4)}, pads=[1, 0], strides=[2])
    one("ConvTranspose", "ConvTranspose", x, consts={**w(4, 3, 3, 3), **b(3)}, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    one("ConvTranspose plain", "ConvTranspose", x, consts=w(4, 2, 2, 3), strides=[2, 3])
    one("ConvTranspose 1-D", "ConvTranspose", (1, 2, 5), consts=w(2, 3, 4), strides=[2], pads=[1, 1])


def pools():
    x = (1, 2, 7, 6)
    one("MaxPool", "MaxPool", x, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
    one("MaxPool ceil", "MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    one("MaxPool 1-D", "MaxPool", (1, 2, 9), kernel_shape=[3], strides=[3])
    one("AveragePool", "AveragePool", x, kernel_shape=[3, 3], strides=[1, 2], pads=[1, 1, 1, 1])
    one("AveragePool counts padding", "AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    one("AveragePool ceil", "AveragePool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    one("GlobalAveragePool", "GlobalAveragePool", x)
    one("GlobalMaxPool", "GlobalMaxPool", x)


def dense():
    one("Gemm", "Gemm", (1, 6), consts={"w": values(6, 4), "b": values(4)})
    one("Gemm transB alpha beta", "Gemm", (3, 6), consts={"w": values(4, 6), "b": values(4)}, transB=1, alpha=0.5, beta=2.0)
    one("Gemm scalar bias", "Gemm", (1, 6), consts={"w": values(6, 4), "b": values(1)})
    one("MatMul", "MatMul", (1, 5, 6), consts={"w": values(6, 4)})
    case("MatMul of two", [node("MatMul", "a b")], {"a": (2, 3, 4), "b": (2, 4, 5)})
    conv = node("Conv", "x w", "c")
    case("Flatten behind Conv", [conv, node("Flatten", "c", "f"), node("Gemm", "f d")], {"x": (1, 2, 5, 4)},
         consts={"w": values(3, 2, 2, 2), "d": values(36, 5)})
    case("Reshape behind Conv", [conv, node("Reshape", "c s", "f"), node("MatMul", "f d")], {"x": (1, 2, 5, 4)},
         consts={"w": values(3, 2, 2, 2), "s": i64(0, -1), "d": values(36, 5)})
    case("Flatten behind Conv, elements in order", [conv, node("Flatten", "c")], {"x": (1, 2, 5, 4)},
         consts={"w": values(3, 2, 2, 2)})
    case("Flatten, Relu, Gemm", [conv, node("Flatten", "c", "f"), node("Relu", "f", "r"), node("Gemm", "r d")], {"x": (1, 2, 5, 4)},
         consts={"w": values(3, 2, 2, 2), "d": values(36, 5)})


def element_wise():
    x = (1, 3, 4, 5)
    conv = node("Conv", "x w", "c")
    w = {"w": values(3, 3, 1, 1)}
    for op in ("Relu", "Sigmoid", "Tanh", "HardSwish", "Elu", "Identity"):
        one(op, op, x, opset=14)
    one("LeakyRelu", "LeakyRelu", x, alpha=0.25)
    one("HardSigmoid", "HardSigmoid", x, alpha=0.25, beta=0.5)
    one("PRelu per channel", "PRelu", x, consts={"s": values(3, 1, 1)})
    case("PRelu behind Conv", [conv, node("PRelu", "c s")], {"x": x}, consts={**w, "s": values(3, 1, 1)})
    one("Clip 0..6", "Clip", x, consts={"lo": np.float32(0), "hi": np.float32(6)})
    one("Clip -0.5..1.25", "Clip", x, consts={"lo": np.float32(-0.5), "hi": np.float32(1.25)})
    one("Clip attributes", "Clip", x, opset=7, min=-1.0, max=1.0)
    case("Clip from below", [node("Clip", "x lo")], {"x": x}, consts={"lo": np.float32(0.5)})
    for op in ("Add", "Sub", "Mul", "Div"):
        c = {"k": values(3, 1, 1, low=0.5, high=3)}
        case(f"{op} channel constant behind Conv", [conv, node(op, "c k")], {"x": x}, consts={**w, **c})
        case(f"{op} constant first", [conv, node(op, "k c")], {"x": x}, consts={**w, "k": np.float32(2.5)})
    case("Add of two layouts", [conv, node("Transpose", "z", "t", perm=[0, 3, 1, 2]), node("Add", "c t")],
         {"x": x, "z": (1, 4, 5, 3)}, consts=w)
    case("Mul by a vector", [conv, node("GlobalAveragePool", "c", "g"), node("Mul", "c g")], {"x": x}, consts=w)
    case("Add of fewer dimensions", [conv, node("Add", "c b")], {"x": x, "b": (4, 5)}, consts=w)
    case("Max of three", [node("Max", "a b k")], {"a": x, "b": x}, consts={"k": np.float32(0)})
    case("Min", [node("Min", "a b")], {"a": x, "b": (1, 3, 1, 1)})
    case("Sum", [node("Sum", "a b a")], {"a": x, "b": x})
    bn = {"s": values(3, low=0.5), "b": values(3), "m": values(3, seed=3), "v": values(3, low=0.5, seed=4)}
    case("BatchNormalization", [conv, node("BatchNormalization", "c s b m v", epsilon=1e-3)], {"x": x}, consts={**w, **bn})
    case("BatchNormalization 2-D", [node("BatchNormalization", "x s b m v")], {"x": (2, 3)}, consts=bn)
    one("Softmax last", "Softmax", (2, 5))
    one("Softmax channels", "Softmax", x, axis=1)
    one("Softmax opset 11 flattens", "Softmax", (2, 3, 4), opset=11, axis=1)
    one("Softmax opset 11 last", "Softmax", (1, 6), opset=11)


def movement():
    x = (1, 3, 4, 6)
    conv = node("Conv", "x w", "c")
    w = {"w": values(4, 3, 1, 1)}
    one("Transpose to channels last", "Transpose", x, perm=[0, 2, 3, 1])
    case("Transpose there and back", [conv, node("Transpose", "c", "t", perm=[0, 3, 1, 2]), node("Relu", "t")], {"x": x}, consts=w)
    case("Transpose, Reshape", [conv, node("Transpose", "c", "t", perm=[0, 2, 3, 1]), node("Reshape", "t s")], {"x": x},
         consts={**w, "s": i64(1, -1, 2)})
    case("Concat channels", [conv, node("Concat", "c x", axis=1)], {"x": x}, consts=w)
    case("Concat constant", [node("Concat", "x k", axis=-1)], {"x": (2, 3)}, consts={"k": values(2, 2)})
    case("Split sizes", [conv, node("Split", "c s", "y y1", axis=1)], {"x": x}, 2, {**w, "s": i64(1, 3)})
    one("Split equal", "Split", (2, 6), outputs=3, axis=1)
    one("Split attribute", "Split", (2, 6), outputs=2, opset=11, axis=1, split=[2, 4])
    one("Slice", "Slice", x, consts={"s": i64(1, -3), "e": i64(3, 100), "a": i64(1, 3)})
    one("Slice steps", "Slice", x, consts={"s": i64(0, 5), "e": i64(4, -7), "a": i64(2, 3), "t": i64(2, -2)})
    one("Slice attributes", "Slice", x, opset=9, starts=[0, 1], ends=[1, 3], axes=[0, 2])
    one("Squeeze", "Squeeze", (1, 3, 1, 5), consts={"a": i64(0, 2)})
    case("Squeeze behind Conv", [conv, node("GlobalAveragePool", "c", "g"), node("Squeeze", "g a")], {"x": x}, consts={**w, "a": i64(2, 3)})
    one("Unsqueeze", "Unsqueeze", (3, 5), consts={"a": i64(0, 3)})
    case("1-D through 2-D", [node("Unsqueeze", "x a", "u"), node("Conv", "u w", "c"), node("Squeeze", "c a")], {"x": (1, 3, 9)},
         consts={"a": i64(2), "w": values(2, 3, 1, 3)})
    one("Pad", "Pad", x, consts={"p": i64(0, 1, 2, 0, 0, 0, 1, 3)})
    one("Pad value", "Pad", x, consts={"p": i64(0, 0, 1, 1, 0, 0, 1, 1), "v": np.float32(1.5)})
    one("Pad reflect", "Pad", x, consts={"p": i64(0, 0, 1, 2, 0, 0, 2, 1)}, mode="reflect")
    one("Pad attributes", "Pad", (2, 3), opset=10, pads=[0, 1, 1, 0], value=0.5)
    case("Pad before Conv", [node("Pad", "x p", "q"), node("Conv", "q w")], {"x": x},
         consts={"p": i64(0, 0, 1, 1, 0, 0, 1, 1), "w": values(2, 3, 3, 3)})
    one("Gather several", "Gather", (2, 5, 3), consts={"i": i64(4, 0, -2)}, axis=1)
    one("Gather one", "Gather", (2, 5, 3), consts={"i": np.array(1, np.int64)}, axis=1)
    one("Flatten axis 2", "Flatten", (2, 3, 4), axis=2)
    one("Dropout", "Dropout", (2, 3))
    case("Shape arithmetic", [
        conv, node("Shape", "c", "s"), node("Gather", "s z", "n", axis=0), node("Unsqueeze", "n a", "n1"),
        node("Concat", "n1 m", "t", axis=0), node("Reshape", "c t")], {"x": ("batch", 3, 4, 6)},
        consts={**w, "z": np.array(0, np.int64), "a": i64(0), "m": i64(-1)})
    for mode, position, nearest in (("nearest", "asymmetric", "floor"), ("nearest", "half_pixel", "round_prefer_floor"),
                                    ("linear", "half_pixel", "floor"), ("linear", "asymmetric", "floor"), ("linear", "align_corners", "floor"),
                                    ("linear", "pytorch_half_pixel", "floor")):
        case(f"Resize {mode} {position}", [node("Resize", ["x", "", "s"], "y", mode=mode, coordinate_transformation_mode=position, nearest_mode=nearest)],
             {"x": (1, 2, 3, 4)}, consts={"s": np.array([1, 1, 2, 3], np.float32)})
    case("Resize sizes", [node("Resize", ["x", "", "", "s"], "y", mode="linear")], {"x": (1, 2, 4, 5)}, consts={"s": i64(1, 2, 7, 3)})
    one("Upsample", "Upsample", (1, 2, 3, 3), opset=9, consts={"s": np.array([1, 1, 2, 2], np.float32)})


def reductions():
    x = (1, 3, 4, 5)
    conv = node("Conv", "x w", "c")
    w = {"w": values(4, 3, 1, 1)}
    for op in ("ReduceMean", "ReduceMax", "ReduceMin"):
        one(f"{op} spatial", op, x, axes=[2, 3])
        one(f"{op} last, dropped", op, (2, 3, 4), axes=[-1], keepdims=0)
    one("ReduceSum", "ReduceSum", x, consts={"a": i64(1)})
    case("ReduceMean behind Conv", [conv, node("ReduceMean", "c", axes=[2, 3], keepdims=0)], {"x": x}, consts=w)
    one("ReduceMean all", "ReduceMean", (2, 3), keepdims=0)
    case("ReduceMean axes operand", [node("ReduceMean", "x a", keepdims=1)], {"x": x}, consts={"a": i64(2)}, opset=18)


def recurrent():
    w = lambda hidden, n: {"w": values(1, 4 * hidden, n, seed=5), "r": values(1, 4 * hidden, hidden, seed=6)}
    one("LSTM", "LSTM", (5, 1, 3), consts={**w(4, 3), "b": values(1, 32)}, hidden_size=4)
    one("LSTM without bias, last state", "LSTM", (5, 1, 3), consts=w(2, 3), outputs=2, hidden_size=2)
    case("LSTM, batch first", [node("Transpose", "x", "t", perm=[1, 0, 2]), node("LSTM", "t w r", "h", hidden_size=2),
                               node("Squeeze", "h a", "s"), node("Transpose", "s", "y", perm=[1, 0, 2])],
         {"x": (1, 6, 3)}, consts={**w(2, 3), "a": i64(1)})


def trees():
    """Two trees over whole features, so that integers lose nothing: splits of all kinds, leaves of one and of several classes."""
    ml = helper.make_opsetid("ai.onnx.ml", 3)
    nodes = {
        "nodes_treeids": [0, 0, 0, 0, 0, 1, 1, 1], "nodes_nodeids": [0, 1, 2, 3, 4, 0, 1, 2],
        "nodes_featureids": [0, 0, 2, 0, 0, 1, 0, 0], "nodes_values": [1.5, 0, -3.0, 0, 0, 4.0, 0, 0],
        "nodes_truenodeids": [1, 0, 3, 0, 0, 1, 0, 0], "nodes_falsenodeids": [2, 0, 4, 0, 0, 2, 0, 0],
    }
    modes = lambda a, b, c: ["BRANCH_" + a, "LEAF", "BRANCH_" + b, "LEAF", "LEAF", "BRANCH_" + c, "LEAF", "LEAF"]
    leaves = [(0, 1), (0, 3), (0, 4), (1, 1), (1, 2)]

    def tree_case(name, op, outputs, kinds, prefix, ids, weights, **attributes):
        at = [leaf for leaf in leaves for _ in range(len(ids) // len(leaves))]
        made = helper.make_node(op, ["x"], outputs, domain="ai.onnx.ml", nodes_modes=modes(*kinds), **nodes, **{
            f"{prefix}_treeids": [t for t, _ in at], f"{prefix}_nodeids": [n for _, n in at], f"{prefix}_ids": ids,
            f"{prefix}_weights": weights}, **attributes)
        out = [helper.make_tensor_value_info("y", FLOAT, None)]
        graph = helper.make_graph([made], "case", [helper.make_tensor_value_info("x", FLOAT, ["n", 3])], out)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13), ml], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        rows = np.random.default_rng(7).integers(-8, 8, (40, 3)).astype(np.float32)
        (result,) = session.run(["y"], {"x": rows})
        tensor = lambda a: {"shape": list(a.shape), "data": base64.b64encode(np.ascontiguousarray(a, np.float32).tobytes()).decode()}
        TREES.append({"name": name, "model": base64.b64encode(model.SerializeToString()).decode(), "inputs": [tensor(rows)], "outputs": [tensor(result)]})

    regress = lambda name, kinds, **more: tree_case(name, "TreeEnsembleRegressor", ["y"], kinds, "target", [0] * 5, [0.5, -1.25, 2.0, 0.25, -0.75], n_targets=1, **more)
    regress("sum", ("LEQ", "LT", "GT"))
    regress("average and base", ("GTE", "LEQ", "LT"), aggregate_function="AVERAGE", base_values=[0.5])
    tree_case("two targets", "TreeEnsembleRegressor", ["y"], ("LT", "GT", "GTE"), "target", [0, 1] * 5,
              [0.5, -1.0, 1.0, 0.25, 0.75, -0.5, 2.0, 1.5, -1.5, 0.125], n_targets=2)
    label = {"classlabels_int64s": [0, 1, 2]}
    shares = [0.5, 0, 0, 0.25, 0.25, 0, 0, 0.125, 0.375, 0.125, 0.25, 0.125, 0, 0.5, 0]
    classify = lambda name, ids, weights, **more: tree_case(name, "TreeEnsembleClassifier", ["label", "y"], ("LEQ", "LEQ", "LEQ"), "class", ids, weights, **more)
    classify("forest of three classes", [0, 1, 2] * 5, shares, **label)
    classify("boosted, softmax", [0, 1, 2] * 5, [4 * w - 1 for w in shares], post_transform="SOFTMAX", **label)
    classify("boosted, logistic", [0] * 5, [0.5, -1.25, 2.0, 0.25, -0.75], post_transform="LOGISTIC", classlabels_int64s=[0, 1], base_values=[0.25])
    classify("forest of two classes", [0] * 5, [0.5, 0.125, 0.25, 0.375, 0.0], classlabels_int64s=[0, 1])
    classify("scores of two classes", [0] * 5, [0.5, -1.25, 2.0, 0.25, -0.75], classlabels_int64s=[0, 1])


TREES = []
trees()
for family in (recurrent, convolutions, pools, dense, element_wise, movement, reductions):
    family()
for file, cases in (("onnx.gz", CASES), ("onnx-trees.gz", TREES)):
    path = pathlib.Path(__file__).with_name(file)
    text = "[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n"
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(file, len(cases), "cases,", path.stat().st_size, "bytes")
