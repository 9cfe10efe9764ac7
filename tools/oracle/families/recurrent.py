"""SVDF, UNIDIRECTIONAL_SEQUENCE_LSTM, variables: several frames in a row, the state fresh at the start of each run."""

import numpy as np

from generate import Case
from single_op import DTYPES, Graph, full_range, random, schema

NONE, RELU, TANH = (
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.TANH,
)


def cases():
    yield from svdf()
    yield from lstm("int8")
    yield from lstm("int16")
    yield from variables()


def streams(rng, dtype, shape, frames=5):
    """One run of noise, one that goes from extremes over silence to noise."""
    info = np.iinfo(DTYPES[dtype])
    silent = np.zeros(shape, DTYPES[dtype])
    edges = [np.full(shape, info.max, DTYPES[dtype]), np.full(shape, info.min, DTYPES[dtype]), silent, silent]
    noise = [full_range(rng, dtype, shape) for _ in range(frames)]
    return [[[x] for x in noise], [[x] for x in [*edges, full_range(rng, dtype, shape)]]]


def svdf():
    #     name                      batch n  filters rank memory state    zeros in, state, out  gain
    rows = [
        ("rank 1", 1, 7, 6, 1, 5, "int8", (0, 0, 0), 1),
        ("rank 2, zero points", 1, 9, 8, 2, 4, "int8", (-128, -50, 17), 1),
        ("rank 3, two batches", 2, 5, 6, 3, 3, "int8", (127, 127, -128), 1),
        ("memory 1", 1, 4, 3, 1, 1, "int8", (3, -128, -5), 1),
        ("long memory", 1, 3, 2, 1, 33, "int8", (-3, 25, 0), 1),
        ("wide input", 1, 40, 4, 1, 3, "int8", (5, 1, 2), 1),
        ("state saturates", 1, 6, 5, 1, 4, "int8", (0, 100, 0), 40),
        ("state saturates at -128", 1, 6, 5, 1, 4, "int8", (0, -100, 0), 40),
        ("output saturates", 1, 6, 5, 1, 4, "int8", (0, 0, 90), 9),
        ("relu by zero point", 1, 6, 6, 2, 4, "int8", (-128, -13, -128), 2),
        ("int16 state", 1, 7, 6, 1, 5, "int16", (0, 0, 0), 1),
        ("int16 state, rank 2, two batches", 2, 6, 8, 2, 4, "int16", (-128, 0, 17), 1),
        ("int16 state saturates", 1, 6, 5, 1, 4, "int16", (-7, 0, -3), 40),
        ("int16 state, zero point", 1, 6, 4, 1, 6, "int16", (-7, 1200, -3), 3),
    ]
    for name, batch, n, filters, rank, memory, state, (in_zero, state_zero, out_zero), gain in rows:
        rng = random("SVDF", "int8", name)
        wide = state == "int16"
        in_scale, feature_scale, time_scale = 0.05, 0.01, 0.0001 if wide else 0.012
        state_scale = in_scale * 127 * feature_scale * 74 * np.sqrt(n) * 2 / (32767 if wide else 127) / gain
        time_range = 20000 if wide else 127
        out_scale = state_scale * time_scale * (9000 if wide else 70) * time_range / 2 * np.sqrt(memory * rank) / 60
        g = Graph()
        x = g.input("int8", (batch, n), in_scale, in_zero)
        feature = g.const("int8", full_range(rng, "int8", (filters, n)).clip(-127), feature_scale)
        time = g.const(state, rng.integers(-time_range, time_range, (filters, memory)), time_scale)
        units = filters // rank
        bias = g.const(
            "int32", rng.integers(-2000, 2000, units), float(np.float32(state_scale) * np.float32(time_scale))
        )
        memory_tensor = g.tensor(state, (batch, memory * filters), float(state_scale), state_zero, variable=True)
        y = g.output("int8", (batch, units), float(out_scale / (gain if gain == 9 else 1)), out_zero)
        g.op(
            "SVDF", [x, feature, time, bias, memory_tensor], [y], "SVDFOptions", version=3, rank=rank,
            fusedActivationFunction=RELU if out_zero == -128 else NONE,
        )
        yield Case("SVDF", "int8", name, g, streams(rng, "int8", (batch, n)))


def lstm(dtype):
    #     name                          batch steps n units major clip  cell power  zeros in, hidden  gain
    rows = [
        ("one step", 1, 1, 4, 3, False, 0, -12, (0, 0), 1),
        ("steps, zero points", 1, 5, 6, 5, False, 10, -12, (-128, -26), 1),
        ("two batches", 2, 3, 3, 4, False, 0, -11, (7, 127), 1),
        ("time major", 3, 4, 3, 2, True, 6, -12, (-3, -128), 1),
        ("wide rows", 1, 2, 19, 17, False, 0, -12, (5, 3), 1),
        ("gates saturate", 1, 4, 6, 4, False, 0, -12, (0, 0), 30),
        ("cell saturates", 1, 9, 4, 4, False, 0, -15, (0, 0), 8),
        ("clipped", 1, 6, 4, 5, False, 0.5, -12, (0, 0), 4),
        ("clip beyond int16", 1, 9, 4, 3, False, 100, -15, (0, 0), 8),
        ("coarse cell", 1, 4, 4, 4, False, 0, -9, (1, -1), 2),
        ("coarser cell", 1, 4, 4, 4, False, 0, -4, (1, -1), 6),
        ("fine cell", 1, 4, 4, 4, False, 0, -14, (1, -1), 2),
        ("cell scale of no power", 1, 4, 5, 4, False, 3, np.log2(0.00027), (1, -1), 2),
        ("tiny weights", 1, 3, 4, 4, False, 0, -12, (0, 0), 0.01),
    ]
    wide = dtype == "int16"
    for name, batch, steps, n, units, major, clip, power, zeros, gain in rows:
        rng = random("LSTM", dtype, name)
        in_zero, hidden_zero = (0, 0) if wide else zeros
        in_scale, hidden_scale = (1 / 16384, 1 / 32768) if wide else (0.02, 1 / 128)
        reach = in_scale * (20000 if wide else 74)
        shape = (steps, batch, n) if major else (batch, steps, n)
        g = Graph()
        x = g.input(dtype, shape, in_scale, in_zero)

        def weights(columns, of):
            scale = float(rng.uniform(0.7, 1.3) * gain * 2 / (127 * of * np.sqrt(columns)))
            return g.const("int8", full_range(rng, "int8", (units, columns)).clip(-127), scale), scale

        inputs = [weights(n, reach) for _ in range(4)]
        recurrent = [weights(units, 1) for _ in range(4)]
        biases = [
            g.const(
                "int64" if wide else "int32", (rng.normal(0, 0.4 * gain, units) / (in_scale * scale)).astype(np.int64),
                float(in_scale * scale),
            )
            for _, scale in inputs
        ]
        hidden = g.tensor(dtype, (batch, units), hidden_scale, hidden_zero, variable=True)
        cell = g.tensor("int16", (batch, units), float(2.0**power), 0, variable=True)
        y = g.output(dtype, (*shape[:2], units), hidden_scale, hidden_zero)
        absent = [-1] * 4
        g.op(
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            [x, *(i for i, _ in inputs), *(i for i, _ in recurrent), *absent[:3], *biases, *absent[:2], hidden, cell, *absent],
            [y], "UnidirectionalSequenceLSTMOptions", fusedActivationFunction=TANH, cellClip=clip, timeMajor=major,
        )
        yield Case("UNIDIRECTIONAL_SEQUENCE_LSTM", dtype, name, g, streams(rng, dtype, shape, 4))


def variables():
    #     name                                order of what is done                 first       zero
    rows = [
        ("read, then assign", "read add assign-x", None, 0),
        ("assign, then read", "assign-x read add", None, 5),
        ("read before and after", "read assign-x again both", None, -128),
        ("first value of the zero point", "read add assign-x", None, -77),
        ("first value by CALL_ONCE", "read add assign-x", "random", 9),
        ("what is computed lives on", "read add assign-y", "random", 0),
        ("handle named twice", "read rename add assign-x", "random", 3),
        ("read is the output", "read out assign-x", "random", -4),
        ("never assigned again", "read add", "random", 11),
    ]
    for name, order, first, zero in rows:
        yield variable(name, "int8", order, first, zero)
    yield variable("int16 read is the output", "int16", "read out assign-x", "random", 0)
    #        name                        kept new begin  what else reads the window
    rows = [
        ("window of a convolution", 4, 2, 2, None),
        ("window of more new rows than kept", 2, 3, 3, None),
        ("window is the output", 3, 1, 1, "output"),
        ("window loses its newest rows", 3, 2, 0, None),
        ("window read through a reshape", 3, 2, 2, "reshape"),
    ]
    for row in rows:
        yield window(*row)


def variable(name, dtype, order, first, zero):
    rng = random("VARIABLE", dtype, name)
    shape, scale = (1, 3, 5), 0.1
    g = Graph()

    def handle(graph):
        index = graph.tensor("resource", ())
        graph.op("VAR_HANDLE", [], [index], "VarHandleOptions", sharedName="memory/state")
        return index

    if first is not None:
        once = g.another()
        g.op("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=once.number)
        value = once.const(dtype, full_range(rng, dtype, shape), scale, zero)
        once.op("ASSIGN_VARIABLE", [handle(once), value], [], "AssignVariableOptions")
    x = g.input(dtype, shape, scale, zero)
    y = g.output(dtype, shape, scale * 1.5, 4) if "out" not in order else None
    state, values = handle(g), []
    for word in order.split():
        if word in ("read", "again", "out"):
            if word != "out":
                values.append(g.tensor(dtype, shape, scale, zero))
                g.op("READ_VARIABLE", [state], [values[-1]], "ReadVariableOptions")
            else:
                g.subgraph.outputs.append(values[-1])
        elif word == "rename":
            state = handle(g)
        elif word == "add":
            g.op("ADD", [values[-1], x], [y], "AddOptions", version=2)
        elif word == "both":
            g.op("ADD", values[-2:], [y], "AddOptions", version=2)
        elif word == "assign-x":
            g.op("ASSIGN_VARIABLE", [state, x], [], "AssignVariableOptions")
        elif word == "assign-y":
            g.op("ASSIGN_VARIABLE", [state, y], [], "AssignVariableOptions")
    return Case("READ_VARIABLE", dtype, name, g, streams(rng, dtype, shape, 3))


def window(name, kept, new, begin, also):
    """What streaming layers are made of: the last rows and new ones together, and the end of both kept."""
    rng = random("VARIABLE", "int8", name)
    width, channels, scale, zero = 3, 2, 0.1, -7
    g = Graph()

    def handle(graph):
        index = graph.tensor("resource", ())
        graph.op("VAR_HANDLE", [], [index], "VarHandleOptions", sharedName="memory/window")
        return index

    once = g.another()
    g.op("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=once.number)
    first = once.const("int8", full_range(rng, "int8", (1, kept, width, channels)), scale, zero)
    once.op("ASSIGN_VARIABLE", [handle(once), first], [], "AssignVariableOptions")
    x = g.input("int8", (1, new, width, channels), scale, zero)
    state = handle(g)
    old = g.tensor("int8", (1, kept, width, channels), scale, zero)
    g.op("READ_VARIABLE", [state], [old], "ReadVariableOptions")
    rows = (1, kept + new, width, channels)
    value = g.tensor("int8", rows, scale, zero)
    g.op("CONCATENATION", [old, x], [value], "ConcatenationOptions", version=2, axis=1)
    end = g.tensor("int8", (1, kept, width, channels), scale, zero)
    edges = [g.const("int32", [0, at, 0, 0]) for at in (begin, begin + kept)]
    g.op(
        "STRIDED_SLICE", [value, *edges, g.const("int32", [1] * 4)], [end], "StridedSliceOptions", version=2,
        beginMask=13, endMask=13,
    )
    g.op("ASSIGN_VARIABLE", [state, end], [], "AssignVariableOptions")
    weights = g.const("int8", full_range(rng, "int8", (2, *rows[1:])).clip(-127), [0.01, 0.02])
    bias = g.const("int32", rng.integers(-900, 900, 2), [0.001, 0.002])
    y = g.output("int8", (1, 1, 1, 2), 0.9, 3)
    g.op(
        "CONV_2D", [value, weights, bias], [y], "Conv2DOptions", version=3, padding=schema.Padding.VALID,
        strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
    )
    if also == "output":
        g.subgraph.outputs.append(value)
    elif also == "reshape":
        count = int(np.prod(rows))
        flat = g.output("int8", (1, count), scale, zero)
        g.op("RESHAPE", [value, g.const("int32", [1, count])], [flat], "ReshapeOptions", newShape=[1, count])
    return Case("READ_VARIABLE", "int8", name, g, streams(rng, "int8", (1, new, width, channels), 5))
