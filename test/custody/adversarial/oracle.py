"""Loads files as their own libraries do, and says whether they load. Only for files that the verifier accepted: torch.load runs pickles.

Reads one JSON value per line, {"path": ..., "format": ...}, and answers each with {"loads": bool, "by": library, "reason": text}.
The first line it writes says which libraries it found. Without them the standard library's own readers are asked.
"""
import ast
import io
import inspect
import json
import struct
import sys
import warnings
import zipfile

warnings.simplefilter("ignore")


def find(name):
    try:
        return __import__(name)
    except Exception:
        return None


numpy, torch = find("numpy"), find("torch")
try:
    from safetensors import safe_open
    import safetensors.numpy
except Exception:
    safe_open = None


def load_safetensors(path):
    if safe_open is not None and numpy is not None:
        with safe_open(path, framework="np") as file:
            for name in file.keys():
                try:
                    file.get_tensor(name)
                except (TypeError, AttributeError, KeyError):
                    pass  # numpy has no bfloat16 and no float8: the header was read and the bytes are there
                except Exception as error:
                    if "Dtype not understood" not in str(error):
                        raise
        return "safetensors"
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length].decode("utf-8"))
    spans = sorted(value["data_offsets"] for name, value in header.items() if name != "__metadata__")
    at = 0
    for begin, end in spans:
        assert begin == at and end >= begin, "offsets"
        at = end
    assert at == len(data) - 8 - length, "length"
    return "json"


def load_npy(data):
    if numpy is not None:
        numpy.load(io.BytesIO(data), allow_pickle=False)
        return "numpy"
    assert data[:6] == b"\x93NUMPY"
    start = 10 if data[6] == 1 else 12
    (length,) = struct.unpack("<H" if start == 10 else "<I", data[8:start])
    header = ast.literal_eval(data[start : start + length].decode("latin1" if data[6] < 3 else "utf-8").strip())
    assert set(header) == {"descr", "fortran_order", "shape"}
    return "ast"


def load_npz(path):
    if numpy is not None:
        with numpy.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                arrays[name]
        return "numpy"
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            load_npy(archive.read(name))
    return "zipfile"


def load_torch(path):
    if torch is not None:
        # Before 1.13 there was no weights_only; a TypeError of the file itself is not that.
        known = "weights_only" in inspect.signature(torch.load).parameters
        torch.load(path, map_location="cpu", **({"weights_only": False} if known else {}))
        return "torch"
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
        assert broken is None, broken
    return "zipfile"


def load_json(path):
    with open(path, "rb") as file:
        json.loads(file.read().decode("utf-8"))
    return "json"


def load(path, form):
    if form == "safetensors":
        return load_safetensors(path)
    if form == "npy":
        with open(path, "rb") as file:
            return load_npy(file.read())
    if form == "npz":
        return load_npz(path)
    if form == "torch-zip":
        return load_torch(path)
    return load_json(path)


found = {"numpy": numpy, "torch": torch, "safetensors": safe_open}
print(json.dumps({name: module is not None for name, module in found.items()}), flush=True)
for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"loads": True, "by": load(question["path"], question["format"]), "reason": ""}
    except Exception as error:
        answer = {"loads": False, "by": question["format"], "reason": "%s: %s" % (type(error).__name__, str(error)[:300])}
    print(json.dumps(answer), flush=True)
