"""Checkpoints that survive being killed at any moment. Copy this page beside your trainer; it needs only Python 3.9.

The contract (docs/checkpoints.md):
  1. write to a temporary name in the *same* directory, ending in ".tmp": such files are never artifacts;
  2. flush the file, rename it over the final name, flush the directory: readers see nothing or all of it;
  3. at start, load the newest checkpoint that is whole, unconditionally: the same command starts and resumes;
  4. on SIGTERM, finish the step, write one more checkpoint, and exit with 143.
"""
import os
import re
import signal
import sys
import time

DIRECTORY = os.environ.get("HOLDFAST_CHECKPOINT_DIR", "checkpoints")
OUTPUT = os.environ.get("HOLDFAST_OUTPUT_DIR", ".")
EVERY_SECONDS = float(os.environ.get("HOLDFAST_CHECKPOINT_EVERY_SECONDS") or 600)


def save(path, write):
    """Makes `path` appear with everything that `write(file)` wrote to the binary file, or leaves what was there."""
    directory = os.path.dirname(path) or "."
    os.makedirs(directory, exist_ok=True)
    temporary = "%s.%d.tmp" % (path, os.getpid())
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    sync_directory(directory)


def sync_directory(directory):
    """A rename is durable once its directory is."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def newest_first(directory, suffix):
    """Paths `step-<number><suffix>` in `directory`, the highest step first. Try them in turn: the first may be damaged."""
    pattern = re.compile(r"step-(\d+)" + re.escape(suffix) + r"\Z")
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    steps = sorted((int(match.group(1)), name) for name in names for match in [pattern.match(name)] if match)
    return [os.path.join(directory, name) for _, name in reversed(steps)]


def remove_unfinished(directory):
    """Drops what killed writers left behind. Only safe where nobody else writes: at start, in the cell's own directory."""
    if os.path.isdir(directory):
        for name in os.listdir(directory):
            if name.endswith(".tmp"):
                os.unlink(os.path.join(directory, name))


class Cadence:
    """Says when the next checkpoint is due, by the clock or by a fixed number of steps."""

    def __init__(self, seconds=EVERY_SECONDS, steps=None):
        self.seconds, self.steps = seconds, steps
        self.last = time.monotonic()

    def due(self, step):
        if self.steps:
            return step % self.steps == 0
        return time.monotonic() - self.last >= self.seconds

    def saved(self):
        self.last = time.monotonic()


class StopRequest:
    """True from SIGTERM on. The handler only sets a flag: a checkpoint is written between steps, never inside one."""

    def __init__(self):
        self.requested = False
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, _number, _frame):
        self.requested = True

    def __bool__(self):
        return self.requested

    @staticmethod
    def leave():
        sys.exit(143)
