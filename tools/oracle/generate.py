"""Makes vectors/<OP>.<type>.gz from the families: generate.py [--check] [family ...]; no family means all.

The container, after gunzip: one line of JSON, then the bytes it counts, one after the other in its order:
{"op", "type", "family", "cases": [{"name", "model": bytes, "inputs": [[type, bytes] of each input], "outputs": [...],
"runs": [frames of each run], "tolerance" if not 0}]}; per case first the model, then per run and frame all inputs, then all outputs.
State is fresh at the start of a run. Numbers are little-endian, in memory order.
"""

import argparse
import gzip
import importlib
import io
import json
import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from single_op import Graph, random, run, standard_runs

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE / "vectors"


@dataclass
class Case:
    """One model and what it is run on.

    op, type: the file it goes to; type is that of the activations (int8, int16, int32, uint8, bool).
    name: says what is special; unique within op and type.
    runs: [run][frame][input] arrays; None means standard_runs (7 single frames).
    engine: whose answers are taken; run_lite for uint8.
    tolerance: how far an 8-bit output may be off; 0 but where a difference is known, meant and said in the family.
    """

    op: str
    type: str
    name: str
    graph: Graph
    runs: list | None = None
    engine: Callable = run
    tolerance: int = 0


def encode(family, op, dtype, cases):
    entries, blob = [], io.BytesIO()
    for case in cases:
        model = case.graph.bytes()
        runs = case.runs
        if runs is None:
            runs = standard_runs(case.graph, random(op, dtype, case.name, "runs"))
        try:
            outputs = case.engine(model, runs, len(case.graph.subgraph.outputs))
        except Exception as error:
            raise SystemExit(f"{op}.{dtype} {case.name}: the reference refuses it: {error}") from error
        blob.write(model)
        for frames, results in zip(runs, outputs):
            for frame, result in zip(frames, results):
                for array in [*frame, *result]:
                    blob.write(np.ascontiguousarray(array).tobytes())
        entries.append(
            {
                "name": case.name,
                "model": len(model),
                "inputs": [[a.dtype.name, a.nbytes] for a in runs[0][0]],
                "outputs": [[a.dtype.name, a.nbytes] for a in outputs[0][0]],
                "runs": [len(frames) for frames in runs],
            }
        )
        if case.tolerance:
            entries[-1]["tolerance"] = case.tolerance
        constant = len({tuple(a.tobytes() for a in result) for results in outputs for result in results}) == 1
        if constant and len(runs) > 1 and case.graph.input_types:
            print(f"note: {op}.{dtype} {case.name}: every output is the same", file=sys.stderr)
    head = json.dumps({"op": op, "type": dtype, "family": family, "cases": entries}, separators=(",", ":"))
    return head.encode() + b"\n" + blob.getvalue()


def generate(family):
    """Yields (path, content before compression) of every vector file of a family."""
    groups = {}
    for case in importlib.import_module(f"families.{family}").cases():
        group = groups.setdefault((case.op, case.type), [])
        if any(other.name == case.name for other in group):
            raise SystemExit(f"{case.op}.{case.type}: two cases named {case.name}")
        group.append(case)
    for (op, dtype), cases in groups.items():
        yield VECTORS / f"{op}.{dtype}.gz", encode(family, op, dtype, cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", nargs="*")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file differs")
    arguments = parser.parse_args()
    every = sorted(p.stem for p in (HERE / "families").glob("*.py") if p.stem != "__init__")
    differ, made = 0, set()
    for family in arguments.family or every:
        for path, content in generate(family):
            made.add(path)
            present = gzip.decompress(path.read_bytes()) if path.exists() else None
            if present == content:
                print(f"same     {path.name}  {path.stat().st_size}")
                continue
            differ += 1
            if arguments.check:
                print(f"differs  {path.name}")
                continue
            VECTORS.mkdir(exist_ok=True)
            path.write_bytes(gzip.compress(content, 9, mtime=0))
            print(f"wrote    {path.name}  {path.stat().st_size}")
    if not arguments.family:
        for path in set(VECTORS.glob("*.gz")) - made:
            differ += 1
            print(f"belongs to no family: {path.name}")
    total = sum(p.stat().st_size for p in VECTORS.glob("*.gz"))
    print(f"{total} bytes in all")
    return 1 if arguments.check and differ else 0


if __name__ == "__main__":
    # Families import Case from `generate`; without this they would load this file a second time.
    sys.modules["generate"] = sys.modules["__main__"]
    sys.exit(main())
