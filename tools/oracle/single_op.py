"""Small .tflite models, built field by field through the schema's object API, and run on TensorFlow Lite Micro.

A Graph is a model under construction: tensors, operators, further subgraphs. Nothing is inferred or corrected:
what a case states is what the file says. `run` executes the file on TFLM's reference kernels.
"""

import zlib

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers
from tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

DTYPES = {
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "bool": np.bool_,
    "float32": np.float32,
    "resource": np.int32,
}

ARENA_BYTES = 1 << 20


class Graph:
    """One subgraph of a model. Tensors are known by their index, as in the file."""

    def __init__(self, parent=None):
        self._model = parent if parent is not None else _Model()
        self._index = len(self._model.subgraphs)
        self.subgraph = schema.SubGraphT(name=f"g{self._index}", inputs=[], outputs=[], tensors=[], operators=[])
        self._model.subgraphs.append(self.subgraph)
        self.input_types = []

    def another(self):
        """A further subgraph of the same model (CALL_ONCE, IF, WHILE); its number is `number`."""
        return Graph(self._model)

    @property
    def number(self):
        return self._index

    def tensor(self, dtype, shape, scale=None, zero=0, axis=0, data=None, variable=False, name=None):
        """Adds a tensor and returns its index.

        scale, zero: numbers, or lists with one entry per index of dimension `axis` (per channel).
        data: array of constants, stored as `dtype`; int4: values -8..7, packed two per byte.
        """
        index = len(self.subgraph.tensors)
        t = schema.TensorT(
            name=name or f"t{index}",
            shape=list(shape),
            type=getattr(schema.TensorType, dtype.upper()),
            isVariable=variable,
            buffer=0,
            hasRank=True,
        )
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            zeros = np.atleast_1d(np.asarray(zero, np.int64))
            if len(zeros) == 1 and len(scales) > 1:
                zeros = np.repeat(zeros, len(scales))
            t.quantization = schema.QuantizationParametersT(
                scale=scales, zeroPoint=zeros, quantizedDimension=axis
            )
        if data is not None:
            t.buffer = self._model.add_buffer(_constant(dtype, shape, data))
        self.subgraph.tensors.append(t)
        return index

    def input(self, dtype, shape, scale=None, zero=0, **more):
        index = self.tensor(dtype, shape, scale, zero, **more)
        self.subgraph.inputs.append(index)
        self.input_types.append((dtype, tuple(shape), int(np.atleast_1d(zero)[0])))
        return index

    def output(self, dtype, shape, scale=None, zero=0, **more):
        index = self.tensor(dtype, shape, scale, zero, **more)
        self.subgraph.outputs.append(index)
        return index

    def const(self, dtype, data, scale=None, zero=0, **more):
        """A constant; its shape is that of `data` (pass shape= for int4)."""
        shape = more.pop("shape", np.shape(data))
        return self.tensor(dtype, shape, scale, zero, data=data, **more)

    def op(self, code, inputs, outputs, options=None, version=1, intermediates=None, **fields):
        """Adds an operator.

        code: TFLite's name, 'CONV_2D', or 'CUSTOM:' and the custom op's name, whose fields are a map. inputs, outputs: tensor indices, -1 for an absent one.
        options: name of the options table without T, 'Conv2DOptions'; fields: its fields by the schema's camelCase names,
        enums as their numbers (`schema.Padding.SAME`).
        """
        o = schema.OperatorT(
            opcodeIndex=self._model.opcode(code, version), inputs=list(inputs), outputs=list(outputs)
        )
        if intermediates is not None:
            o.intermediates = list(intermediates)
        if options is not None:
            table = getattr(schema, f"{options}T")()
            for field, value in fields.items():
                if not hasattr(table, field):
                    raise AttributeError(f"{options} has no field {field}")
                setattr(table, field, value)
            o.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            o.builtinOptions = table
        elif code.startswith("CUSTOM:"):
            o.customOptions = np.frombuffer(bytes(_flexbuffer(fields)), np.uint8)
        self.subgraph.operators.append(o)
        return self

    def bytes(self):
        return self._model.bytes()


class _Model:
    def __init__(self):
        self.subgraphs = []
        self._buffers = [schema.BufferT()]
        self._codes = []

    def add_buffer(self, data):
        self._buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
        return len(self._buffers) - 1

    def opcode(self, code, version):
        key = (code, version)
        if key not in self._codes:
            self._codes.append(key)
        return self._codes.index(key)

    def bytes(self):
        codes = []
        for code, version in self._codes:
            builtin, _, custom = code.partition(":")
            number = getattr(schema.BuiltinOperator, builtin)
            codes.append(
                schema.OperatorCodeT(
                    builtinCode=number,
                    deprecatedBuiltinCode=min(number, 127),
                    version=version,
                    customCode=custom or None,
                )
            )
        model = schema.ModelT(
            version=3, operatorCodes=codes, subgraphs=self.subgraphs, buffers=self._buffers
        )
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _flexbuffer(fields):
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, value in sorted(fields.items()):
            if isinstance(value, bool):
                builder.Bool(name, value)
            else:
                builder.Int(name, value)
    return builder.Finish()


def _constant(dtype, shape, data):
    if dtype == "int4":
        values = np.asarray(data, np.int8).reshape(-1)
        if len(values) % 2:
            values = np.append(values, np.int8(0))
        return ((values[0::2] & 15) | ((values[1::2] & 15) << 4)).astype(np.uint8).tobytes()
    array = np.ascontiguousarray(np.asarray(data, DTYPES[dtype]))
    if array.size != int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"{array.size} constants for shape {shape}")
    return array.tobytes()


def random(*key):
    """A generator seeded by the words given: the same words, the same numbers."""
    return np.random.Generator(np.random.PCG64(zlib.crc32("/".join(map(str, key)).encode())))


def full_range(rng, dtype, shape):
    """Uniform over all values of an integer type; bool: coin flips; float32: -8..8."""
    if dtype == "float32":
        return rng.uniform(-8, 8, shape).astype(np.float32)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    info = np.iinfo(DTYPES[dtype])
    return rng.integers(info.min, info.max, shape, dtype=DTYPES[dtype], endpoint=True)


def standard_runs(graph, rng, randoms=3):
    """One frame each: every element least, greatest, both alternating, at the zero point, then random ones.

    Alternation is by a coin per element, so that both extremes meet in every window.
    """
    frames = []
    for kind in ("min", "max", "extremes", "zero"):
        frame = []
        for dtype, shape, zero in graph.input_types:
            np_type = DTYPES[dtype]
            if dtype == "bool":
                low, high = False, True
            elif dtype == "float32":
                low, high = -8.0, 8.0
            else:
                info = np.iinfo(np_type)
                low, high = info.min, info.max
            if kind == "extremes":
                frame.append(np.where(rng.integers(0, 2, shape) == 1, high, low).astype(np_type))
            else:
                frame.append(np.full(shape, {"min": low, "max": high, "zero": zero}[kind], np_type))
        frames.append(frame)
    for _ in range(randoms):
        frames.append([full_range(rng, dtype, shape) for dtype, shape, _ in graph.input_types])
    return [[frame] for frame in frames]


def run_lite(model, runs, output_count):
    """The same on TensorFlow Lite's own reference kernels: for uint8, which TFLM no longer has. No state."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    results = []
    for frames in runs:
        results.append([])
        for frame in frames:
            for detail, value in zip(inputs, frame):
                interpreter.set_tensor(detail["index"], value)
            interpreter.invoke()
            results[-1].append([interpreter.get_tensor(detail["index"]).copy() for detail in outputs])
    return results


def run(model, runs, output_count):
    """Outputs of each frame of each run, on TFLM's reference kernels. Every run starts from a fresh interpreter.

    model: .tflite bytes. runs: [run][frame][input] arrays. Returns the same nesting with the outputs.
    """
    results = []
    for frames in runs:
        interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
        outputs = []
        for frame in frames:
            for index, value in enumerate(frame):
                interpreter.set_input(value, index)
            interpreter.invoke()
            outputs.append([np.array(interpreter.get_output(k)) for k in range(output_count)])
        results.append(outputs)
    return results
