"""Streaming models as a whole: streams.py <folder of models> writes vectors/streams.json, CRC-32s only.

Per model and seed: eight frames of xorshift32 bytes (shifts 13, 17, 5; bits 31..24 of each word) through one interpreter. Every
element of `bits` kept bits is taken from them, plus `base`, as full-range noise saturates these models. `outputs` is the CRC-32 of
all outputs of all frames, `layers` [node, CRC-32 of what it computes in the last frame] (of ASSIGN_VARIABLE: of what it assigns).
"""

import json
import pathlib
import sys
import zlib

import numpy as np
from tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

OUT = pathlib.Path(__file__).resolve().parent / "vectors" / "streams.json"
FRAMES = 8
SEEDS = (1, 0x9E3779B9, 12345)
#  file                             bits  base
MODELS = [
    ("tflm_mnist_lstm_int8", 8, -128),
    ("tflm_keyword_scrambled_int8", 14, 0),
    ("mww_v2_hey_jarvis_int8", 8, -128),
]


def words(seed):
    x = seed
    while True:
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        yield x >> 24


def frame(source, detail, bits, base):
    dtype = np.dtype(detail["dtype"])
    count = int(np.prod(detail["shape"]))
    raw = np.array([next(source) for _ in range(count * dtype.itemsize)], np.uint8)
    values = raw.view(f"<u{dtype.itemsize}").astype(np.int64) & ((1 << bits) - 1)
    return (values + base).astype(dtype).reshape(detail["shape"])


def layers(model, interpreter):
    graph = model.subgraphs[0]
    crcs = []
    for node, op in enumerate(graph.operators):
        code = model.operatorCodes[op.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.ASSIGN_VARIABLE:
            results = [op.inputs[1]]
        else:
            results = [i for i in op.outputs if graph.tensors[i].type != schema.TensorType.RESOURCE]
        if len(results) > 0:
            data = b"".join(interpreter.GetTensor(int(i), 0)["tensor_data"].tobytes() for i in results)
            crcs.append([node, zlib.crc32(data)])
    return crcs


def vectors(path, bits, base):
    content = path.read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    runs = []
    for seed in SEEDS:
        interpreter = runtime.Interpreter.from_bytes(
            content, arena_size=1 << 20, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
        )
        source, crc = words(seed), 0
        for _ in range(FRAMES):
            interpreter.set_input(frame(source, interpreter.get_input_details(0), bits, base), 0)
            interpreter.invoke()
            crc = zlib.crc32(interpreter.get_output(0).tobytes(), crc)
        runs.append({"seed": seed, "outputs": crc, "layers": layers(model, interpreter)})
    return {"bits": bits, "base": base, "runs": runs}


def main(folder):
    made = {name: vectors(folder / f"{name}.tflite", bits, base) for name, bits, base in MODELS}
    OUT.write_text(json.dumps(made, separators=(",", ":")) + "\n")
    print(f"wrote {OUT.name}  {OUT.stat().st_size}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
