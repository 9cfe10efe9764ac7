"""Vectors of the signal front end: front_end.py PREPROCESSOR [--check].

PREPROCESSOR is TensorFlow Lite Micro's audio_preprocessor_int8.tflite, the feature extraction of micro_speech. Its outputs and every
intermediate tensor over synthetic audio are recorded, and its signal ops alone over lengths and values that one model does not
reach. libs/compiler/test/front-end.medium.spec.ts runs them through our stages on the WebAssembly runtime.

vectors.gz, after gunzip: one line of JSON, then the bytes it counts: {"cases": [{"name", "stage", "params", "arrays": [[name, type,
elements], ...]}]}. An array of a case that runs `frames` frames holds them one after the other; state is fresh in each case.
"""

import argparse
import gzip
import json
import pathlib
import sys

import numpy as np
from tflite_micro import runtime

from single_op import ARENA_BYTES, Graph, random

TARGET = pathlib.Path(__file__).resolve().parent / "front-end" / "vectors.gz"
RATE, FRAME, HOP = 16000, 480, 320
# Tensors of the preprocessor by the stage that makes them.
TENSORS = {"window": 19, "shift": 22, "spectrum": 23, "bands": 30, "reduced": 31, "noise": 32, "gained": 33, "log": 34}


def audio():
    """Silence, a chirp that grows, noise in bursts, clipping: 40 frames."""
    n = FRAME + 39 * HOP
    t = np.arange(n) / RATE
    rng = random("front end", "audio")
    chirp = np.sin(2 * np.pi * (100 * t + 4000 * t * t)) * np.minimum(1, t * 2) ** 3 * 30000
    noise = rng.normal(0, 1, n) * np.where((t * 8).astype(int) % 3 == 1, 2500, 20)
    x = np.where(t < 0.06, 0, chirp * (t < 0.5) + noise)
    x = np.where(t > 0.75, np.sign(np.sin(2 * np.pi * 440 * t)) * 40000, x)
    return np.clip(np.round(x), -32768, 32767).astype(np.int16)


def preprocessor(model):
    interpreter = runtime.Interpreter.from_bytes(
        model, arena_size=ARENA_BYTES, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
    )
    x = audio()
    details = {name: [] for name in TENSORS}
    features = []
    for at in range(0, len(x) - FRAME + 1, HOP):
        interpreter.set_input(x[at : at + FRAME].reshape(1, -1), 0)
        interpreter.invoke()
        features.append(interpreter.get_output(0).reshape(-1).copy())
        for name, index in TENSORS.items():
            details[name].append(np.array(interpreter.GetTensor(index, 0)["tensor_data"]).reshape(-1))
    return x, np.concatenate(features), details


def chain(graph, values_of_frames):
    """Outputs of each frame of one run, state kept."""
    interpreter = runtime.Interpreter.from_bytes(graph.bytes(), arena_size=ARENA_BYTES)
    outputs = []
    for values in values_of_frames:
        for index, value in enumerate(values):
            interpreter.set_input(value, index)
        interpreter.invoke()
        outputs.append([np.array(interpreter.get_output(k)).reshape(-1) for k in range(len(graph.subgraph.outputs))])
    return [np.concatenate(column) for column in zip(*outputs)]


def wide(rng, dtype, n, bits):
    """Values of all magnitudes up to `bits` bits, the ends among them."""
    values = (rng.random(n) * 2.0 ** rng.uniform(0, bits, n)).astype(np.uint64)
    values[:6] = [0, 1, 2, 3, 2**bits - 1, 2 ** (bits - 1)]
    return values.astype(dtype)


def single_ops():
    for length in (16, 32, 64, 128, 256, 512, 1024, 2048, 4096):
        rng = random("front end", "fft", length)
        frames = [
            rng.integers(-32768, 32768, length).astype(np.int16),
            np.round(rng.normal(0, 25, length)).astype(np.int16),
            np.where(rng.integers(0, 2, length) == 1, 32767, -32768).astype(np.int16),
        ]
        if length > 512:
            frames = frames[:1]
        g = Graph()
        x = g.input("int16", (length,))
        scaled = g.tensor("int16", (length,))
        spectrum = g.output("int16", (length + 2,))
        shift = g.output("int32", ())
        g.op("CUSTOM:SignalFftAutoScale", [x], [scaled, shift])
        g.op("CUSTOM:SignalRfft", [scaled], [spectrum], T=7, fft_length=length)
        spectra, shifts = chain(g, [[f] for f in frames])
        yield f"length {length}", "fft", {"length": length}, {
            "samples": np.concatenate(frames),
            "spectrum": spectra,
            "shift": shifts,
        }

    n, count = 24, 12
    for clamping in (False, True):
        for bits, smoothing, odd, least in ((10, 409, 983, 819), (0, 16384, 0, 0), (6, 4000, 12000, 16384)):
            rng = random("front end", "noise", clamping, bits)
            bands = [wide(rng, np.uint32, n, 32 if k == 3 else 20) for k in range(count)]
            g = Graph()
            x, out, noise = g.input("uint32", (n,)), g.output("uint32", (n,)), g.output("uint32", (n,))
            g.op(
                "CUSTOM:SignalFilterBankSpectralSubtraction",
                [x],
                [out, noise],
                num_channels=n,
                smoothing=smoothing,
                one_minus_smoothing=16384 - smoothing,
                alternate_smoothing=odd,
                alternate_one_minus_smoothing=16384 - odd,
                smoothing_bits=bits,
                min_signal_remaining=least,
                clamping=clamping,
                spectral_subtraction_bits=14,
            )
            outputs, noises = chain(g, [[b] for b in bands])
            params = {
                "channels": n,
                "smoothing_bits": bits,
                "clamping": int(clamping),
                "even_smoothing": smoothing,
                "odd_smoothing": odd,
                "min_signal": least,
            }
            yield f"clamping {clamping}, {bits} bits", "noise_reduction", params, {
                "bands": np.concatenate(bands),
                "output": outputs,
                "noise": noises,
            }

    for scale, correction in ((64, 3), (1600, 0), (65535, 7)):
        rng = random("front end", "log", scale)
        bands = np.concatenate([wide(rng, np.uint32, 250, 32), np.arange(250, dtype=np.uint32)])
        g = Graph()
        x, out = g.input("uint32", (len(bands),)), g.output("int16", (len(bands),))
        g.op("CUSTOM:SignalFilterBankLog", [x], [out], output_scale=scale, input_correction_bits=correction)
        (outputs,) = chain(g, [[bands]])
        yield f"scale {scale}", "log", {"channels": len(bands), "output_scale": scale, "correction_bits": correction}, {
            "bands": bands,
            "output": outputs,
        }


def pcan(gains):
    """Gains are the preprocessor's own; the test computes them."""
    n = 600
    for shift in (6, 0, 12):
        rng = random("front end", "pcan", shift)
        bands, noise = wide(rng, np.uint32, n, 24), wide(rng, np.uint32, n, 32)
        g = Graph()
        x, y, table = g.input("uint32", (n,)), g.input("uint32", (n,)), g.const("int16", gains)
        g.op("CUSTOM:SignalPCAN", [x, y, table], [g.output("uint32", (n,))], snr_shift=shift)
        (outputs,) = chain(g, [[bands, noise]])
        yield f"shift {shift}", "pcan", {"channels": n, "snr_shift": shift}, {
            "bands": bands,
            "noise": noise,
            "output": outputs,
        }


def filter_bank(tables):
    """The preprocessor's own 40 bands over energies of all sizes, with every shift of the block scaling."""
    weights, unweights, starts, weight_starts, widths = tables
    bins, channels = 257, 40
    rng = random("front end", "filter bank")
    energies = [wide(rng, np.uint32, bins, bits) for bits in (8, 16, 24, 31, 32, 32)]
    shifts = [np.array(s, np.int32) for s in (0, 1, 4, 9, 15, 0)]
    g = Graph()
    x, shift = g.input("uint32", (bins,)), g.input("int32", ())
    sums, out = g.tensor("uint64", (channels,)), g.output("uint32", (channels,))
    consts = [g.const("int16", a) for a in (weights, unweights, starts, weight_starts, widths)]
    g.op("CUSTOM:SignalFilterBank", [x, *consts], [sums], num_channels=channels)
    g.op("CUSTOM:SignalFilterBankSquareRoot", [sums, shift], [out])
    (outputs,) = chain(g, list(zip(energies, shifts)))
    return "micro_speech bands", "filter_bank", {"channels": channels}, {
        "energy": np.concatenate(energies),
        "shift": np.array(shifts, np.int32),
        "bands": outputs,
    }


def cases(model):
    x, features, details = preprocessor(model)
    # The features of all frames, and every stage of six frames that differ most (silence, chirp, noise, clipping).
    yield "micro_speech features", "features", {"frame": FRAME, "hop": HOP}, {"audio": x, "features": features}
    picked = [0, 5, 14, 24, 33, 38]
    yield "micro_speech stages", "stages", {"frames": picked}, {
        name: np.concatenate([frames[k] for k in picked]) for name, frames in details.items()
    }
    tables = constants(model)
    yield filter_bank([tables[i] for i in (13, 12, 11, 10, 9)])
    yield from single_ops()
    yield from pcan(tables[8])


def constants(model):
    """Constant int16 tensors of a model by their index."""
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    m = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    found = {}
    for index, tensor in enumerate(m.subgraphs[0].tensors):
        data = m.buffers[tensor.buffer].data
        if data is not None and tensor.type == schema.TensorType.INT16:
            found[index] = np.frombuffer(bytes(bytearray(data)), np.int16)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preprocessor", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the file differs")
    arguments = parser.parse_args()
    entries, blob = [], []
    for name, stage, params, arrays in cases(arguments.preprocessor.read_bytes()):
        listed = []
        for key, array in arrays.items():
            listed.append([key, array.dtype.name, int(array.size)])
            blob.append(np.ascontiguousarray(array).tobytes())
        entries.append({"name": name, "stage": stage, "params": params, "arrays": listed})
    content = json.dumps({"cases": entries}, separators=(",", ":")).encode() + b"\n" + b"".join(blob)
    if TARGET.exists() and gzip.decompress(TARGET.read_bytes()) == content:
        print(f"same {TARGET.name}  {TARGET.stat().st_size}")
        return 0
    if arguments.check:
        print(f"differs {TARGET.name}")
        return 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"wrote {TARGET.name}  {TARGET.stat().st_size}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
