"""Vectors of tree ensembles: trees.py [--check]. Trained and evaluated by XGBoost and LightGBM (pip install xgboost-cpu lightgbm).

Features are multiples of 1/64, so that int16 holds them exactly; libs/compiler/test/trees.medium.spec.ts asks for the same decisions.
vectors.gz, after gunzip: JSON {"cases": [{"name", "model": text of the file, "options", "rows": [[features]], "outputs":
[[library's prediction]]}]}.
"""

import argparse
import gzip
import json
import pathlib
import sys
import tempfile

import lightgbm
import numpy as np
import xgboost

TARGET = pathlib.Path(__file__).resolve().parent / "trees" / "vectors.gz"
FEATURES, TRAIN, ROWS = 6, 600, 160


def data(seed, classes):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(0, 60, (TRAIN + ROWS, FEATURES)) * 64) / 64
    s = x[:, 0] - 0.7 * x[:, 1] + 0.02 * x[:, 2] * x[:, 3] + rng.normal(0, 15, len(x))
    if classes == 0:
        y = s * 0.3
    else:
        edges = np.quantile(s, [k / classes for k in range(1, classes)])
        y = np.searchsorted(edges, s)
    return x[:TRAIN], y[:TRAIN], x[TRAIN:]


def xgboost_case(name, classes, rounds=8, **parameters):
    x, y, rows = data(len(name), classes)
    names = [f"f{k}" for k in range(FEATURES)]
    parameters = {"max_depth": 4, "seed": 1, "nthread": 1, **parameters}
    booster = xgboost.train(parameters, xgboost.DMatrix(x, y, feature_names=names), rounds)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.json"
        booster.save_model(path)
        model = path.read_text()
    # Multiclass as probabilities, whatever the objective gives out.
    predicted = booster.predict(xgboost.DMatrix(rows, feature_names=names))
    return booster, model, rows, np.asarray(predicted, np.float64).reshape(ROWS, -1)


def lightgbm_case(name, classes, rounds=8, **parameters):
    x, y, rows = data(len(name), classes)
    parameters = {"num_leaves": 12, "verbose": -1, "num_threads": 1, "seed": 1, "deterministic": True, **parameters}
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, y), rounds)
    predicted = booster.predict(rows)
    return booster, json.dumps(booster.dump_model()), rows, np.asarray(predicted, np.float64).reshape(ROWS, -1)


def cases():
    def entry(name, made, options=None):
        _, model, rows, outputs = made
        return {"name": name, "model": model, "options": options or {}, "rows": rows.tolist(), "outputs": outputs.tolist()}

    binary = xgboost_case("xgboost binary", 2, objective="binary:logistic")
    yield entry("xgboost binary", binary)
    yield entry("xgboost 4 classes", xgboost_case("xgboost 4 classes", 4, objective="multi:softprob", num_class=4))
    yield entry("xgboost regression", xgboost_case("xgboost regression", 0, objective="reg:squarederror"))
    yield entry(
        "xgboost dart",
        xgboost_case("xgboost dart", 2, objective="binary:logistic", booster="dart", rate_drop=0.3, base_score=0.3),
    )
    yield entry(
        "xgboost random forest",
        xgboost_case(
            "xgboost random forest", 0, 1, objective="reg:squarederror", num_parallel_tree=15, subsample=0.6, eta=1
        ),
    )
    # The same trees without their objective.
    booster, _, rows, outputs = xgboost_case("xgboost dump", 2, objective="binary:logistic", base_score=0.5)
    dump = "[" + ",".join(booster.get_dump(dump_format="json")) + "]"
    yield entry("xgboost dump", (booster, dump, rows, outputs), {"objective": "binary"})
    yield entry("lightgbm binary", lightgbm_case("lightgbm binary", 2, objective="binary", sigmoid=0.7))
    yield entry("lightgbm 5 classes", lightgbm_case("lightgbm 5 classes", 5, objective="multiclass", num_class=5))
    yield entry("lightgbm regression", lightgbm_case("lightgbm regression", 0, objective="regression"))
    yield entry(
        "lightgbm random forest",
        lightgbm_case("lightgbm random forest", 0, objective="regression", boosting="rf", bagging_freq=1, bagging_fraction=0.6),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the file differs")
    arguments = parser.parse_args()
    content = json.dumps({"cases": list(cases())}, separators=(",", ":")).encode()
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
