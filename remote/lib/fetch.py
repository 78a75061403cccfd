"""Fetches one input from a URL or an S3 bucket, resuming what a killed run of this left. Python 3.7, standard library only.

    fetch.py url|bucket SOURCE DESTINATION

Environment: HOLDFAST_FETCH_TOKEN (bearer token), HOLDFAST_FETCH_PINNED (not empty: the caller compares a hash),
HOLDFAST_FETCH_PROGRESS (file for "BYTES TOTAL"), HOLDFAST_FETCH_PAUSE (seconds before the second try), HOLDFAST_FETCH_FLOOR
(bytes that stay free), the AWS_ variables, and the proxy variables.
Exit: 0 DESTINATION is complete and flushed; 1 it cannot be had; 2 usage. The last line of stderr says why, and no secret.
"""
import os
import sys

# Python was told to look nowhere but in its own library.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bucket import fetch_bucket  # noqa: E402
from download import Part, Progress, Refused, download, opener_for, persist  # noqa: E402


def main(arguments):
    fetchers = {"url": fetch_url, "bucket": fetch_bucket}
    if len(arguments) != 3 or arguments[0] not in fetchers:
        print(__doc__.split("\n")[2].strip(), file=sys.stderr)
        return 2
    kind, source, destination = arguments
    try:
        fetchers[kind](source, destination)
    except Refused as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print("%s cannot be written: %s" % (os.path.dirname(destination), problem.strerror or type(problem).__name__), file=sys.stderr)
        return 1
    return 0


def fetch_url(source, destination):
    token = os.environ.get("HOLDFAST_FETCH_TOKEN", "")
    headers = {"Authorization": "Bearer " + token} if token else {}
    part = Part(destination, source)
    opener, progress = opener_for(source), Progress()
    persist(lambda: download(opener, source, headers, part, progress), part.size)
    part.finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
