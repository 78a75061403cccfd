"""The digits training at the pace of the week's clock: an epoch takes so many of its hours, however fast this machine is.

WEEK_CLOCK is an address that answers with the hours that have passed since Monday morning, `?until=H` when it is so late, and after a
second anyway. Where nobody answers any more, the training goes on as fast as it can. What it says about itself (when it will be done) goes into the cell's scratch folder.
"""
import json
import os
import resource
import sys
import urllib.request

# Instances of the sandbox have no memory limit of their own: this one stands for it, and an allocation beyond it really fails.
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

import holdfast_checkpoint as checkpoint  # noqa: E402  (after the limit)
import train  # noqa: E402

HOURS_PER_EPOCH = 1.0
take_step = train.train_step
stop = None
begun = None


class Stop(checkpoint.StopRequest):
    def __init__(self):
        global stop
        super().__init__()
        stop = self


def hours(until=0.0):
    try:
        with urllib.request.urlopen("%s?until=%r" % (os.environ["WEEK_CLOCK"], until), timeout=30) as answer:
            return float(answer.read())
    except OSError:
        return float("inf")


def paced_step(state, images, digits, options):
    global begun
    if begun is None:
        begun = (hours(), state["epoch"])
        tell(begun[0] + HOURS_PER_EPOCH * (options.epochs - 1 - begun[1]))
    if state["position"] == 0:
        due = begun[0] + HOURS_PER_EPOCH * (state["epoch"] - begun[1])
        while not stop and hours(due) < due:
            pass
    take_step(state, images, digits, options)


def tell(ends):
    """The last epoch begins then; all of this training's work but that is done before."""
    folder = os.path.join(checkpoint.OUTPUT, "tmp")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "pace.json.tmp"), "w") as file:
        json.dump({"attempt": int(os.environ.get("HOLDFAST_ATTEMPT", 0)), "ends": ends if ends != float("inf") else None}, file)
    os.replace(os.path.join(folder, "pace.json.tmp"), os.path.join(folder, "pace.json"))


if __name__ == "__main__":
    checkpoint.StopRequest = Stop
    train.train_step = paced_step
    sys.exit(train.main())
