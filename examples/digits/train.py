"""Trains a small network on handwritten digits with momentum SGD, in numpy alone, and survives being killed anywhere.

A run that was killed and resumed ends with the same bytes as one that was not: the state is saved whole (weights,
momentum, random generator, place in the data, running sums), and time decides when to save, never what is computed.
Every checkpoint is a pair: step-N.safetensors (weights) and step-N.npz (the rest, and the sha256 of its weights).
"""
import argparse
import csv
import gzip
import hashlib
import io
import json
import os
import struct
import sys
import time

# Sums over threads come out in another order each time.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_pool] = "1"

import numpy as np  # noqa: E402  (after the thread pools are sized)

import holdfast_checkpoint as checkpoint  # noqa: E402

TRAIN, VALIDATION = 1197, 240  # of 1797 images; the other 360 are the test set
PARAMETERS = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")


def load_digits():
    """Images as float32 in 0..1 and digits as int64, in one fixed order, split in train, validation and test."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.csv.gz")
    with gzip.open(path, "rt", newline="") as file:
        table = np.array([[float(cell) for cell in row] for row in csv.reader(file)], dtype=np.float64)
    table = table[np.random.Generator(np.random.PCG64(1998)).permutation(len(table))]
    images, digits = (table[:, :64] / 16).astype(np.float32), table[:, 64].astype(np.int64)
    ends = (TRAIN, TRAIN + VALIDATION)
    return list(zip(np.split(images, ends), np.split(digits, ends)))


def new_state(seed, hidden):
    random = np.random.Generator(np.random.PCG64(seed))
    shapes = {"hidden.weight": (64, hidden), "hidden.bias": (hidden,), "output.weight": (hidden, 10), "output.bias": (10,)}
    weights = {
        name: (random.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32) if len(shape) == 2 else np.zeros(shape, np.float32)
        for name, shape in shapes.items()
    }
    return {
        "weights": weights,
        "momentum": {name: np.zeros_like(value) for name, value in weights.items()},
        "random": random,
        "order": random.permutation(TRAIN),
        "step": 0,
        "epoch": 0,
        "position": 0,  # in `order`
        "loss_sum": 0.0,  # over this epoch's images so far
        "best_accuracy": -1.0,
        "best_step": 0,
    }


def forward(weights, images):
    hidden = np.maximum(images @ weights["hidden.weight"] + weights["hidden.bias"], 0)
    scores = hidden @ weights["output.weight"] + weights["output.bias"]
    scores = scores - scores.max(axis=1, keepdims=True)
    return hidden, scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def accuracy(weights, images, digits):
    return float((forward(weights, images)[1].argmax(axis=1) == digits).mean())


def train_step(state, images, digits, options):
    """One batch: forward, backward, momentum, weights. Advances step and position."""
    batch = state["order"][state["position"] : state["position"] + options.batch]
    x, y, weights = images[batch], digits[batch], state["weights"]
    hidden, log_probability = forward(weights, x)
    rows = np.arange(len(batch))
    state["loss_sum"] += float(-log_probability[rows, y].sum(dtype=np.float64))
    slope = np.exp(log_probability)
    slope[rows, y] -= 1
    slope /= np.float32(len(batch))
    back = (slope @ weights["output.weight"].T) * (hidden > 0)
    gradients = {"hidden.weight": x.T @ back, "hidden.bias": back.sum(axis=0), "output.weight": hidden.T @ slope, "output.bias": slope.sum(axis=0)}
    for name in PARAMETERS:
        velocity = state["momentum"][name]
        velocity *= np.float32(options.momentum)
        velocity -= np.float32(options.lr) * (gradients[name] + np.float32(options.decay) * weights[name])
        weights[name] += velocity
    state["step"] += 1
    state["position"] += len(batch)


def end_epoch(state, validation, output):
    """Records the epoch, keeps the best weights, and shuffles for the next one."""
    state["epoch"] += 1
    score = accuracy(state["weights"], *validation)
    append_row(output, {"epoch": state["epoch"], "step": state["step"], "train_loss": round(state["loss_sum"] / TRAIN, 6), "validation_accuracy": round(score, 6)})
    if score > state["best_accuracy"]:
        state["best_accuracy"], state["best_step"] = score, state["step"]
        checkpoint.save(os.path.join(checkpoint.DIRECTORY, "best.safetensors"), lambda file: file.write(safetensors(state["weights"])))
    state["order"] = state["random"].permutation(TRAIN)
    state["position"], state["loss_sum"] = 0, 0.0


# --- checkpoints ---------------------------------------------------------------------------------------------------


def safetensors(tensors):
    """The format by hand: length of the header (8 bytes, little-endian), header as JSON, data."""
    header, offset = {}, 0
    for name in PARAMETERS:
        size = tensors[name].nbytes
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # readers that map the file want the data aligned
    return struct.pack("<Q", len(text)) + text + b"".join(np.ascontiguousarray(tensors[name], "<f4").tobytes() for name in PARAMETERS)


def read_safetensors(content):
    (length,) = struct.unpack_from("<Q", content)
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]).astype(np.float32) for name, entry in header.items()}


def save_state(state, options):
    """Writes the pair, weights last: a pair without weights is not looked at, and its other half names their hash."""
    base = os.path.join(checkpoint.DIRECTORY, "step-%06d" % state["step"])
    weights = safetensors(state["weights"])
    generator = state["random"].bit_generator.state
    arrays = {"momentum." + name: value for name, value in state["momentum"].items()}
    arrays.update(
        random_state=split_128(generator["state"]["state"], generator["state"]["inc"]),
        random_spare=np.array([generator["has_uint32"], generator["uinteger"]], np.uint64),
        order=state["order"],
        counters=np.array([state["step"], state["epoch"], state["position"], state["best_step"]], np.int64),
        sums=np.array([state["loss_sum"], state["best_accuracy"]], np.float64),
        weights_sha256=np.frombuffer(hashlib.sha256(weights).digest(), np.uint8),
    )
    checkpoint.save(base + ".npz", lambda file: np.savez(file, **arrays))
    checkpoint.save(base + ".safetensors", lambda file: file.write(weights))
    remove_superseded(state["step"], options.keep)


def remove_superseded(step, keep):
    """Leaves the newest `keep` pairs. Steps beyond `step` were saved before a resume that found them damaged."""
    paths = {suffix: checkpoint.newest_first(checkpoint.DIRECTORY, suffix) for suffix in (".safetensors", ".npz")}
    kept = [path for path in map(base_of, paths[".safetensors"]) if step_of(path) <= step][:keep]
    # Weights first: what is left of a half-removed pair must not look like a checkpoint.
    for path in paths[".safetensors"] + paths[".npz"]:
        if base_of(path) not in kept:
            os.unlink(path)


def base_of(path):
    return os.path.splitext(path)[0]


def step_of(path):
    return int(base_of(path).rsplit("-", 1)[1])


def load_state():
    """The newest whole pair, or None when there are none. One that is incomplete or damaged is named, and the one before it is taken."""
    paths = checkpoint.newest_first(checkpoint.DIRECTORY, ".safetensors")
    for path in paths:
        try:
            return load_pair(path)
        except Exception as problem:  # a damaged file can fail in any way a parser can
            print("skipping %s: %s" % (path, problem), flush=True)
    if paths:
        # Something else may be all that is wrong, and starting over would replace them in the end.
        sys.exit("none of the %d checkpoints in %s loads; move them away to start over" % (len(paths), checkpoint.DIRECTORY))
    return None


def load_pair(path):
    with open(path, "rb") as file:
        content = file.read()
    with open(base_of(path) + ".npz", "rb") as file:
        arrays = np.load(io.BytesIO(file.read()), allow_pickle=False)
        arrays = {name: arrays[name] for name in arrays.files}
    if hashlib.sha256(content).digest() != arrays["weights_sha256"].tobytes():
        raise ValueError("its weights are not those that were saved with it")
    random = np.random.Generator(np.random.PCG64())
    words = [int(word) for word in arrays["random_state"]]
    spare = [int(word) for word in arrays["random_spare"]]
    random.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": words[0] << 64 | words[1], "inc": words[2] << 64 | words[3]},
        "has_uint32": spare[0],
        "uinteger": spare[1],
    }
    step, epoch, position, best_step = (int(value) for value in arrays["counters"])
    return {
        "weights": read_safetensors(content),
        "momentum": {name: arrays["momentum." + name] for name in PARAMETERS},
        "random": random,
        "order": arrays["order"],
        "step": step,
        "epoch": epoch,
        "position": position,
        "loss_sum": float(arrays["sums"][0]),
        "best_accuracy": float(arrays["sums"][1]),
        "best_step": best_step,
    }


def split_128(*numbers):
    """The generator's 128-bit integers as pairs of uint64: arrays need no pickle."""
    return np.array([part for number in numbers for part in (number >> 64, number & (2**64 - 1))], np.uint64)


# --- metrics -------------------------------------------------------------------------------------------------------


def append_row(path, row):
    """On the disk before the checkpoint that follows, so that a resume never misses a row."""
    with open(path, "a") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def drop_rows_after(path, step):
    """Rows of steps that will be taken again would stand there twice; a line cut off by a kill goes too."""
    if not os.path.exists(path):
        return
    with open(path) as file:
        lines = file.readlines()
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    checkpoint.save(path, lambda file: file.write("".join(kept).encode()))


def note_resume(path, step):
    """Kept apart from the metrics, which do not depend on how often the run was killed. `step` is None at a first start."""
    steps = []
    if step is not None and os.path.exists(path):
        with open(path) as file:
            steps = json.load(file)["resumed_from"]
    steps += [] if step is None else [step]
    checkpoint.save(path, lambda file: file.write((json.dumps({"resumed_from": steps}) + "\n").encode()))


def write_metrics(state, splits, output):
    (train_images, train_digits), _, test = splits
    loss = -forward(state["weights"], train_images)[1][np.arange(TRAIN), train_digits].mean(dtype=np.float64)
    metrics = {
        "test_accuracy": round(accuracy(state["weights"], *test), 6),
        "validation_accuracy": round(state["best_accuracy"], 6),
        "best_step": state["best_step"],
        "train_loss": round(float(loss), 6),
        "steps": state["step"],
        "epochs": state["epoch"],
    }
    checkpoint.save(os.path.join(output, "metrics.json"), lambda file: file.write((json.dumps(metrics, indent=2) + "\n").encode()))
    return metrics


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lr", type=float, default=0.05, help="learning rate")
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--decay", type=float, default=1e-4, help="weight decay")
    parser.add_argument("--hidden", type=int, default=64, help="hidden units")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=int, default=2, help="checkpoints to keep besides the best weights")
    parser.add_argument("--checkpoint-every-steps", type=int, default=None, help="instead of HOLDFAST_CHECKPOINT_EVERY_SECONDS")
    parser.add_argument("--step-delay", type=float, default=0.0, help="seconds to sleep after each step; changes no result")
    return parser.parse_args()


def main():
    options = parse_options()
    stop = checkpoint.StopRequest()
    splits = load_digits()
    (images, digits), validation, _ = splits
    os.makedirs(checkpoint.OUTPUT, exist_ok=True)
    curve = os.path.join(checkpoint.OUTPUT, "metrics.jsonl")
    checkpoint.remove_unfinished(checkpoint.DIRECTORY)
    checkpoint.remove_unfinished(checkpoint.OUTPUT)

    state = load_state()
    note_resume(os.path.join(checkpoint.OUTPUT, "resumes.json"), state and state["step"])
    if state is None:
        state = new_state(options.seed, options.hidden)
        print("starting at step 0", flush=True)
    else:
        print("resuming at step %d (epoch %d)" % (state["step"], state["epoch"]), flush=True)
        # What was found damaged must not take the place of a good pair when the next save counts what it keeps.
        remove_superseded(state["step"], options.keep)
    drop_rows_after(curve, state["step"])

    cadence = checkpoint.Cadence(steps=options.checkpoint_every_steps)
    while state["epoch"] < options.epochs:
        train_step(state, images, digits, options)
        if state["position"] >= TRAIN:
            loss = state["loss_sum"] / TRAIN
            end_epoch(state, validation, curve)
            print("epoch %d step %d loss %.4f best validation accuracy %.4f" % (state["epoch"], state["step"], loss, state["best_accuracy"]), flush=True)
        if options.step_delay:
            time.sleep(options.step_delay)
        if stop or cadence.due(state["step"]):
            save_state(state, options)
            cadence.saved()
        if stop:
            print("asked to end: saved step %d" % state["step"], flush=True)
            stop.leave()

    save_state(state, options)
    metrics = write_metrics(state, splits, checkpoint.OUTPUT)
    print("done: %s" % json.dumps(metrics), flush=True)


if __name__ == "__main__":
    sys.exit(main())
