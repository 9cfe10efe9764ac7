"""HDF5 files with the storage that Keras seldom needs: many links and attributes (fractal heaps, B-trees of two levels), old and
new groups, element types, byte orders. For our HDF5 reader.

python tools/oracle/formats/hdf5_cases.py   (pip: h5py)

Writes hdf5.gz beside itself: a gzipped JSON list of {name, file, datasets: {path: [shape, values]}, texts: {path: {name: text}}}.
"""
import base64
import gzip
import io
import json
import pathlib

import h5py
import numpy as np

CASES = []


def case(name, fill, **options):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    datasets, texts = {}, {}
    with h5py.File(buffer, "r") as file:
        def visit(path, item):
            if isinstance(item, h5py.Dataset):
                datasets["/" + path] = [list(item.shape), np.asarray(item[()], np.float32).ravel().tolist()]
            if item.attrs:
                texts["/" + path] = {k: v if isinstance(v, str) else [s.decode() if isinstance(s, bytes) else s for s in v] for k, v in item.attrs.items()}
        file.visititems(visit)
    CASES.append({"name": name, "file": base64.b64encode(buffer.getvalue()).decode(), "datasets": datasets, "texts": texts})


def many(n, **group):
    def fill(file):
        g = file.create_group("g", **group)
        for i in range(n):
            g.create_dataset(f"w{i}", data=np.float32([i, -i]))
    return fill


def attributes(file):
    g = file.create_group("g")
    for i in range(20):
        g.attrs[f"name{i}"] = f"text {i}"
    g.attrs["list"] = ["one", "two"]
    g.attrs["bytes"] = np.array([b"fixed", b"length"])


def types(file):
    for dtype in ("<f4", ">f4", "<f8", "<f2", "<i1", "<i2", ">i4", "<i8", "<u1", "<u2", "<u4", "<u8"):
        file.create_dataset(dtype.replace("<", "le_").replace(">", "be_"), data=np.array([0, 1, 5, 100], dtype))
    file.create_dataset("scalar", data=np.float32(2.5))
    file.create_dataset("empty", data=np.zeros((0, 3), np.float32))
    file.create_dataset("matrix", data=np.arange(12, dtype=np.float32).reshape(3, 4))


latest = {"libver": "latest"}
case("3 links, old", many(3))
case("300 links, old", many(300))
case("3 links, new", many(3), **latest)
case("20 links, new", many(20), **latest)
case("20 links, order kept", many(20, track_order=True))
case("400 links, new", many(400), **latest)
case("attributes, old", attributes)
case("attributes, new", attributes, **latest)
case("types", types)
case("types, new", types, **latest)
case("superblock 2", types, libver=("v108", "v108"))

path = pathlib.Path(__file__).with_name("hdf5.gz")
text = "[\n" + ",\n".join(json.dumps(c) for c in CASES) + "\n]\n"
path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(len(CASES), "cases,", path.stat().st_size, "bytes")
