"""Small Keras models, one idea each, saved as .keras and as legacy .h5, and what Keras computes for them.

KERAS_BACKEND=jax python tools/oracle/formats/keras_cases.py   (pip: keras, jax, h5py; see ../requirements-formats.txt)

Writes keras.gz beside itself: a gzipped JSON list of {name, files: {keras, h5}, inputs, outputs} in base64, tensors float32.
"""
import base64
import gzip
import json
import os
import pathlib
import tempfile

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import Sequential, layers

CASES = []


def values(*shape, seed=0, low=-1.0, high=1.0):
    rng = np.random.default_rng([seed, *shape])
    # Few bits: small files, and sums that do not depend on their order.
    return (np.round(rng.uniform(low, high, shape) * 16) / 16).astype(np.float32)


def tensor(a):
    return {"shape": list(a.shape), "data": base64.b64encode(np.ascontiguousarray(a, np.float32).tobytes()).decode()}


def case(name, model, h5=True):
    for i, weight in enumerate(model.weights):
        if weight.dtype != "float32":
            continue
        positive = "variance" in weight.path
        weight.assign(values(*weight.shape, seed=i + 1, low=0.25 if positive else -1, high=1))
    inputs = [values(1, *t.shape[1:], seed=100 + i, low=-2, high=2) for i, t in enumerate(model.inputs)]
    results = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    results = results if isinstance(results, (list, tuple)) else [results]
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("keras", "h5") if h5 else ("keras",):
            path = f"{folder}/model.{kind}"
            model.save(path)
            files[kind] = base64.b64encode(pathlib.Path(path).read_bytes()).decode()
    CASES.append({"name": name, "files": files, "inputs": [tensor(a) for a in inputs], "outputs": [tensor(np.asarray(a)) for a in results]})


def stack(name, shape, *parts, **more):
    case(name, Sequential([keras.Input(shape), *parts]), **more)


image, line = (6, 5, 3), (8, 3)
stack("Dense relu", (5,), layers.Dense(4, activation="relu"), layers.Dense(3, activation="softmax"))
stack("Dense on rows, no bias", (3, 5), layers.Dense(4, use_bias=False))
stack("Conv2D", image, layers.Conv2D(4, 3, strides=(2, 1), padding="same", activation="relu"), layers.Flatten(), layers.Dense(3))
stack("Conv2D dilated", image, layers.Conv2D(2, (2, 3), dilation_rate=(2, 1)))
stack("Conv1D", line, layers.Conv1D(4, 3, strides=2, padding="same", activation="tanh"))
stack("Conv1D causal", line, layers.Conv1D(4, 3, dilation_rate=2, padding="causal"))
stack("DepthwiseConv2D", image, layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"))
stack("DepthwiseConv1D", line, layers.DepthwiseConv1D(3))
stack("SeparableConv2D", image, layers.SeparableConv2D(4, 3, padding="same"))
stack("SeparableConv1D", line, layers.SeparableConv1D(4, 3))
stack("Conv2DTranspose same", image, layers.Conv2DTranspose(2, 3, strides=2, padding="same"))
stack("Conv2DTranspose valid", image, layers.Conv2DTranspose(2, (3, 2), strides=(2, 3)))
stack("Conv1DTranspose", line, layers.Conv1DTranspose(2, 4, strides=2, padding="same"))
stack("BatchNormalization", image, layers.Conv2D(4, 1), layers.BatchNormalization(), layers.ReLU())
stack("BatchNormalization without scale", (4,), layers.BatchNormalization(scale=False, epsilon=0.01))
stack("BatchNormalization without center", (4,), layers.BatchNormalization(center=False))
for activation in ("relu6", "sigmoid", "tanh", "elu", "hard_sigmoid", "hard_silu", "silu", "leaky_relu", "linear"):
    stack(f"Activation {activation}", (7,), layers.Activation(activation))
stack("ReLU max 6", (7,), layers.ReLU(max_value=6))
stack("ReLU max 1", (7,), layers.ReLU(max_value=1))
stack("ReLU slope", (7,), layers.ReLU(negative_slope=0.125))
stack("LeakyReLU", (7,), layers.LeakyReLU(negative_slope=0.25))
stack("PReLU shared", image, layers.PReLU(shared_axes=[1, 2]))
stack("ELU", (7,), layers.ELU())
stack("Softmax axis", (3, 4), layers.Softmax(axis=1))
stack("MaxPooling2D same", image, layers.MaxPooling2D(2, padding="same"))
stack("MaxPooling1D", line, layers.MaxPooling1D(3, strides=2))
stack("AveragePooling2D same", image, layers.AveragePooling2D(3, strides=2, padding="same"))
stack("AveragePooling1D", line, layers.AveragePooling1D(2))
stack("GlobalAveragePooling2D", image, layers.GlobalAveragePooling2D())
stack("GlobalMaxPooling1D keepdims", line, layers.GlobalMaxPooling1D(keepdims=True))
stack("GlobalAveragePooling1D", line, layers.GlobalAveragePooling1D())
stack("GlobalMaxPooling2D", image, layers.GlobalMaxPooling2D())
stack("ZeroPadding2D", image, layers.ZeroPadding2D(((1, 2), (0, 3))))
stack("ZeroPadding1D", line, layers.ZeroPadding1D(2))
stack("Cropping2D", image, layers.Cropping2D(((1, 2), (0, 1))))
stack("Cropping1D", line, layers.Cropping1D((1, 2)))
stack("UpSampling2D nearest", image, layers.UpSampling2D((2, 3)))
stack("UpSampling2D bilinear", image, layers.UpSampling2D(2, interpolation="bilinear"))
stack("UpSampling1D", line, layers.UpSampling1D(3))
stack("Reshape and Permute", (6, 4), layers.Reshape((3, -1, 2)), layers.Permute((3, 1, 2)))
stack("RepeatVector", (5,), layers.RepeatVector(4))
stack("Rescaling", image, layers.Rescaling(1 / 127.5, offset=-1))
stack("Normalization", (3,), layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 1.0, 0.25]))
stack("LSTM", (6, 3), layers.LSTM(4), layers.Dense(2))
stack("LSTM sequences, backwards", (5, 3), layers.LSTM(2, return_sequences=True, go_backwards=True, use_bias=False))
stack("Left out", (5,), layers.GaussianNoise(0.1), layers.Dropout(0.5), layers.Dense(2), layers.AlphaDropout(0.1))

x = keras.Input((6, 5, 3), name="picture")
y = keras.Input((4,), name="vector")
a = layers.Conv2D(4, 3, name="left")(x)
b = layers.Conv2D(4, 3, name="right")(x)
parts = [layers.Add()([a, b]), layers.Subtract()([a, b]), layers.Multiply()([a, b]), layers.Average()([a, b, a]),
         layers.Maximum()([a, b]), layers.Minimum()([a, b])]
joined = layers.GlobalAveragePooling2D()(layers.Concatenate()(parts))
case("Functional with merges", keras.Model([x, y], layers.Concatenate(name="both")([joined, layers.Dense(3)(y)])))

x = keras.Input((5,))
shared = layers.Dense(5, activation="relu", name="shared")
case("A shared layer, two outputs", keras.Model(x, [shared(shared(x)), layers.Dense(2)(x)]))

inner = Sequential([keras.Input((4, 4, 2)), layers.Conv2D(3, 3, name="conv"), layers.Flatten()], name="features")
x = keras.Input((4, 4, 2))
deeper = keras.Model(x, layers.Dense(4, name="mix")(inner(x)), name="body")
case("Models inside models", Sequential([keras.Input((4, 4, 2)), deeper, layers.ReLU(), layers.Dense(2, name="head")]))

x = keras.Input((3,))
h = x
for i in range(12):
    h = layers.Dense(3, activation="tanh", name=f"dense_{i}")(h)
case("More than eight layers", keras.Model(x, h))

path = pathlib.Path(__file__).with_name("keras.gz")
text = "[\n" + ",\n".join(json.dumps(c) for c in CASES) + "\n]\n"
path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(len(CASES), "cases,", path.stat().st_size, "bytes")
