"""Trains a small network on handwritten digits in PyTorch, on a GPU where there is one, and survives being killed anywhere.

What a run in PyTorch has to save to go on as if nothing had happened: model, optimizer, learning-rate schedule, loss scaler,
every random generator, place in the data, running sums. All of it is in one file per checkpoint, step-N.pt, which holds nothing
but tensors, numbers and containers, so that it loads with weights_only=True: a checkpoint never runs code.
"""
import argparse
import csv
import gzip
import json
import os
import random
import sys
import time

import torch
from torch import nn

import holdfast_checkpoint as checkpoint

TRAIN, VALIDATION = 1197, 240  # of 1797 images; the other 360 are the test set


def load_digits(device):
    """Images as float32 in 0..1 and digits as int64, in one fixed order, split in train, validation and test."""
    path = os.environ.get("HOLDFAST_INPUT_DIGITS", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "digits", "digits.csv.gz"))
    with gzip.open(path, "rt", newline="") as file:
        table = torch.tensor([[float(cell) for cell in row] for row in csv.reader(file)])
    table = table[torch.randperm(len(table), generator=torch.Generator().manual_seed(1998))].to(device)
    sizes = (TRAIN, VALIDATION, len(table) - TRAIN - VALIDATION)
    return list(zip((table[:, :64] / 16).split(sizes), table[:, 64].long().split(sizes)))


class Training:
    """Everything that changes while it trains; save() and load() know all of it."""

    def __init__(self, options, device):
        self.device = device
        seed_everything(options.seed)
        self.model = nn.Sequential(nn.Linear(64, options.hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(options.hidden, 10)).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=options.lr)
        steps = options.epochs * -(-TRAIN // options.batch)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, max_lr=options.lr, total_steps=steps)
        self.scaler = torch.cuda.amp.GradScaler() if device.type == "cuda" else None
        self.order = torch.randperm(TRAIN)
        self.at = {"step": 0, "epoch": 0, "position": 0, "loss_sum": 0.0, "best_accuracy": -1.0, "best_step": 0}

    def take_step(self, images, digits, batch):
        """One batch; advances step and position."""
        self.model.train()
        chosen = self.order[self.at["position"] : self.at["position"] + batch].to(self.device)
        self.optimizer.zero_grad()
        with torch.autocast(self.device.type, enabled=self.scaler is not None):
            loss = nn.functional.cross_entropy(self.model(images[chosen]), digits[chosen])
        if self.scaler is None:
            loss.backward()
            self.optimizer.step()
        else:
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        self.schedule.step()
        self.at["loss_sum"] += float(loss) * len(chosen)
        self.at["step"] += 1
        self.at["position"] += len(chosen)

    def accuracy(self, images, digits):
        self.model.eval()
        with torch.no_grad():
            return float((self.model(images).argmax(dim=1) == digits).float().mean())

    def save(self, keep):
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
            "random": random_state(),
            "order": self.order,
            "at": dict(self.at),
        }
        # OneCycleLR keeps a bound method of its own among its numbers: a checkpoint holds no code.
        state["schedule"] = {name: value for name, value in state["schedule"].items() if not callable(value)}
        path = os.path.join(checkpoint.DIRECTORY, "step-%06d.pt" % self.at["step"])
        checkpoint.save(path, lambda file: torch.save(pack(state), file))
        self.remove_superseded(keep)

    def load(self, path):
        state = unpack(torch.load(path, map_location="cpu", weights_only=True))
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.scaler is not None and state["scaler"] is not None:
            self.scaler.load_state_dict(state["scaler"])
        self.order, self.at = state["order"], state["at"]
        # Last: what is above may draw numbers.
        restore_random(state["random"])

    def resume(self, keep):
        """Goes on from the newest checkpoint that loads, if there are any; says from where."""
        paths = checkpoint.newest_first(checkpoint.DIRECTORY, ".pt")
        for path in paths:
            try:
                self.load(path)
            except Exception as problem:  # a damaged file can fail in any way a reader can
                print("skipping %s: %s" % (path, str(problem).split("\n")[0]), flush=True)
                continue
            print("resuming at step %d (epoch %d)" % (self.at["step"], self.at["epoch"]), flush=True)
            # What was found damaged must not take the place of a good one when the next save counts what it keeps.
            self.remove_superseded(keep)
            return
        if paths:
            # Another version of torch or another model may be all that is wrong: starting over would replace them in the end.
            sys.exit("none of the %d checkpoints in %s loads; move them away to start over" % (len(paths), checkpoint.DIRECTORY))
        print("starting at step 0", flush=True)

    def remove_superseded(self, keep):
        paths = checkpoint.newest_first(checkpoint.DIRECTORY, ".pt")
        good = [path for path in paths if int(os.path.basename(path)[5:-3]) <= self.at["step"]]
        for path in set(paths) - set(good[:keep]):
            os.unlink(path)


# --- numbers -------------------------------------------------------------------------------------------------------------


def pack(value):
    """torch 1.13 reads no plain float with weights_only=True, so they are written as text, exactly."""
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, dict):
        return {key: pack(inner) for key, inner in value.items()}
    return type(value)(map(pack, value)) if type(value) in (list, tuple) else value


def unpack(value):
    if isinstance(value, dict):
        return float.fromhex(value["float"]) if set(value) == {"float"} else {key: unpack(inner) for key, inner in value.items()}
    return type(value)(map(unpack, value)) if type(value) in (list, tuple) else value


# --- random generators ---------------------------------------------------------------------------------------------------


def seed_everything(seed):
    random.seed(seed)
    torch.manual_seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)


def random_state():
    """Of Python, torch, each GPU, and numpy where it is used: as tensors, numbers and lists."""
    version, words, gauss = random.getstate()
    state = {"python": [version, list(words), gauss], "torch": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        name, keys, position, has_gauss, cached = numpy.random.get_state()
        state["numpy"] = [name, [int(key) for key in keys], int(position), int(has_gauss), float(cached)]
    return state


def restore_random(state):
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    numpy = sys.modules.get("numpy")
    if numpy is not None and "numpy" in state:
        name, keys, position, has_gauss, cached = state["numpy"]
        numpy.random.set_state((name, numpy.array(keys, numpy.uint32), position, has_gauss, cached))


# --- metrics -------------------------------------------------------------------------------------------------------------


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
        kept = [line for line in file.readlines() if line.endswith("\n") and json.loads(line)["step"] <= step]
    checkpoint.save(path, lambda file: file.write("".join(kept).encode()))


def end_epoch(training, validation, curve):
    at = training.at
    at["epoch"] += 1
    score = training.accuracy(*validation)
    row = {"step": at["step"], "time": round(time.time(), 3), "epoch": at["epoch"], "train_loss": round(at["loss_sum"] / TRAIN, 6), "validation_accuracy": round(score, 6), "learning_rate": training.schedule.get_last_lr()[0]}
    append_row(curve, row)
    if score > at["best_accuracy"]:
        at["best_accuracy"], at["best_step"] = score, at["step"]
        weights = training.model.state_dict()
        checkpoint.save(os.path.join(checkpoint.DIRECTORY, "best.pt"), lambda file: torch.save({"model": weights}, file))
    training.order = torch.randperm(TRAIN)
    at["position"], at["loss_sum"] = 0, 0.0
    print("epoch %d step %d loss %.4f validation accuracy %.4f" % (at["epoch"], at["step"], row["train_loss"], score), flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lr", type=float, default=0.01, help="highest learning rate of the schedule")
    parser.add_argument("--hidden", type=int, default=64, help="hidden units")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=int, default=2, help="checkpoints to keep besides the best weights")
    parser.add_argument("--checkpoint-every-steps", type=int, default=None, help="instead of HOLDFAST_CHECKPOINT_EVERY_SECONDS")
    parser.add_argument("--step-delay", type=float, default=0.0, help="seconds to sleep after each step; changes no result")
    return parser.parse_args()


def main():
    options = parse_options()
    stop = checkpoint.StopRequest()
    # Sums over threads come out in another order each time, and the results here are to be the same.
    torch.use_deterministic_algorithms(True, warn_only=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train, validation, test = load_digits(device)
    for directory in (checkpoint.DIRECTORY, checkpoint.OUTPUT):
        os.makedirs(directory, exist_ok=True)
        checkpoint.remove_unfinished(directory)
    curve = os.path.join(checkpoint.OUTPUT, "metrics.jsonl")

    training = Training(options, device)
    training.resume(options.keep)
    drop_rows_after(curve, training.at["step"])

    cadence = checkpoint.Cadence(steps=options.checkpoint_every_steps)
    while training.at["epoch"] < options.epochs:
        training.take_step(*train, options.batch)
        if training.at["position"] >= TRAIN:
            end_epoch(training, validation, curve)
        if options.step_delay:
            time.sleep(options.step_delay)
        if stop or cadence.due(training.at["step"]):
            training.save(options.keep)
            cadence.saved()
        if stop:
            print("asked to end: saved step %d" % training.at["step"], flush=True)
            stop.leave()

    training.save(options.keep)
    metrics = {"test_accuracy": round(training.accuracy(*test), 6), "validation_accuracy": round(training.at["best_accuracy"], 6), "best_step": training.at["best_step"], "steps": training.at["step"], "epochs": training.at["epoch"]}
    checkpoint.save(os.path.join(checkpoint.OUTPUT, "metrics.json"), lambda file: file.write((json.dumps(metrics, indent=2) + "\n").encode()))
    print("done: %s" % json.dumps(metrics), flush=True)


if __name__ == "__main__":
    sys.exit(main())
