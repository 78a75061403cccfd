"""Installs what a lock file pins, beside the image's own packages and without those that the image was built around.

    install_lock.py LOCK TARGET

The lock is in pip's requirements format, every line pinned (pip-compile, uv export). Packages go into the folder TARGET, which
appears once it is complete; the job finds it on PYTHONPATH. Nothing of the image is changed. torch and its kin stay the image's
where it has them: its build matches the driver and the GPU, and a second one would shadow it.
Exit: 0; otherwise the installer's own, or 1 with the reason as the last line.
"""
import importlib.util
import os
import re
import shutil
import subprocess
import sys

FRAMEWORKS = ("torch", "torchvision", "torchaudio", "tensorflow")
# What torch's own wheels bring along; without that torch they serve nobody, and take gigabytes.
COMPANIONS = re.compile(r"(nvidia-.*|triton|pytorch-triton.*)\Z")
NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)")


def main(lock, target):
    with open(lock) as file:
        requirements = logical_lines(file.read())
    provided = {name: version for name in FRAMEWORKS for version in [version_in_image(name)] if version is not None}
    wanted = []
    for text in requirements:
        why = left_out(text, provided)
        if why:
            print(why, flush=True)
        else:
            wanted.append(text)
    partial = "%s.partial" % target
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    filtered = partial + "/.holdfast-lock"
    with open(filtered, "w") as file:
        file.writelines(text + "\n" for text in wanted)
    if any(name_of(text) for text in wanted):
        code = subprocess.call(installer() + ["--target", partial, "--no-deps", "-r", filtered], env=plain_environment())
        if code:
            return code
    os.rename(partial, target)
    return 0


def logical_lines(text):
    """Requirements with their continuation lines; comments and blank lines dropped."""
    joined = re.sub(r"\\[ \t]*\r?\n", " ", text)
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def name_of(requirement):
    match = None if requirement.startswith("-") else NAME.match(requirement)
    return None if match is None else re.sub(r"[-_.]+", "-", match.group(1)).lower()


def left_out(requirement, provided):
    """Why a pin is not installed, or None."""
    name = name_of(requirement)
    if name in provided:
        return "kept from the image: %s %s (the lock has %s)" % (name, provided[name], requirement.split(" ")[0])
    if name and "torch" in provided and COMPANIONS.match(name):
        return "not needed beside the image's torch: %s" % name
    return None


def version_in_image(name):
    """The version that the image's own interpreter finds, or None. Nothing is imported: that can take a minute."""
    if importlib.util.find_spec(name) is None:
        return None
    try:
        from importlib.metadata import PackageNotFoundError, version
    except ImportError:
        return "of unknown version"
    try:
        return version(name)
    except PackageNotFoundError:
        return "of unknown version"


def installer():
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--python", sys.executable]
    if importlib.util.find_spec("pip") is None:
        sys.exit("%s has no pip, and uv is not installed" % sys.executable)
    return [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]


def plain_environment():
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n")[2].strip())
    sys.exit(main(sys.argv[1], sys.argv[2]))
