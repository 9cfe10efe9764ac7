"""Is the installed interpreter the reference? Runs mlperf_tiny vectors through it: verify.py <folder of mlperf_tiny>.

Those outputs come from TFLM's reference kernels on x86-64, confirmed by a Cortex-M4 build. A wheel built with optimized kernels or
another rounding would show here.
"""

import json
import pathlib
import sys

import numpy as np
from tflite_micro import runtime


def main(folder):
    wrong = 0
    for path in sorted(folder.glob("*.tflite")):
        vectors = folder / "vectors" / path.stem
        meta = json.loads((vectors / "meta.json").read_text())
        inputs = np.fromfile(vectors / "inputs.bin", np.int8).reshape(meta["count"], -1)
        outputs = (vectors / "outputs.bin").read_bytes()
        interpreter = runtime.Interpreter.from_bytes(path.read_bytes(), arena_size=1 << 20)
        shape = interpreter.get_input_details(0)["shape"]
        got = b""
        for row in inputs:
            interpreter.reset()
            interpreter.set_input(row.reshape(shape), 0)
            interpreter.invoke()
            got += interpreter.get_output(0).tobytes()
        same = got == outputs
        wrong += not same
        print(f"{path.stem}: {meta['count']} vectors {'equal' if same else 'DIFFER'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
