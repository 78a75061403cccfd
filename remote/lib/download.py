"""One file over any number of connections: resumed where it was cut, never joined from two versions. Standard library only."""
import http.client
import json
import os
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

CHUNK = 1 << 20
TIMEOUT_SECONDS = 60  # for a connection, and for each piece of an answer
TRIES = 6  # without a single new byte
SLOWEST = 2000  # bytes per second over a minute; below that a new connection is tried


class Refused(Exception):
    """Trying again would not help."""


class Interrupted(Exception):
    """Trying again may help."""


class Part:
    """A file on its way: BASE.partial, and what is known of its origin in BASE.partial.json. BASE is the destination unless told."""

    def __init__(self, destination, source, base=None):
        self.destination, self.source = destination, source
        self.path, self.notes_path = (base or destination) + ".partial", (base or destination) + ".partial.json"
        self.notes = {}
        try:
            with open(self.notes_path) as file:
                self.notes = json.load(file)
        except (OSError, ValueError):
            pass
        if not isinstance(self.notes, dict) or self.notes.get("source") != source:
            self.restart()

    def size(self):
        try:
            return os.path.getsize(self.path)
        except OSError:
            return 0

    def restart(self):
        """What was fetched is of another version, or of one that cannot be told."""
        self.notes = {}
        for path in (self.path, self.notes_path):
            if os.path.exists(path):
                os.unlink(path)

    def note(self, answer, total):
        etag = answer.headers.get("ETag", "")
        self.notes = {
            "source": self.source,
            "total": total,
            # A weak tag says "alike", which is not enough to join two halves.
            "version": etag if etag.startswith('"') else answer.headers.get("Last-Modified", ""),
        }
        with open(self.notes_path + ".new", "w") as file:
            json.dump(self.notes, file)
        os.replace(self.notes_path + ".new", self.notes_path)

    def finish(self):
        """Flushed, then renamed: what has the name is whole."""
        with open(self.path, "rb") as file:
            os.fsync(file.fileno())
        os.replace(self.path, self.destination)
        if os.path.exists(self.notes_path):
            os.unlink(self.notes_path)


def persist(attempt, measure):
    """Calls until it succeeds; gives up when nothing new arrived for TRIES calls, with longer and longer pauses."""
    pause = float(os.environ.get("HOLDFAST_FETCH_PAUSE") or 1)
    fruitless = 0
    while True:
        before = measure()
        try:
            return attempt()
        except Interrupted as problem:
            fruitless = 0 if measure() > before else fruitless + 1
            if fruitless >= TRIES:
                raise Refused("%s; given up after %d tries without progress (what has arrived is kept)" % (problem, TRIES))
            print("%s; trying again" % problem, file=sys.stderr, flush=True)
            time.sleep(min(60.0, pause * 2 ** max(0, fruitless - 1)))


def download(opener, url, headers, part, progress):
    """One connection: appends to the part until it is complete. `headers` may be a function, where they are good for one request only."""
    version, total = part.notes.get("version"), part.notes.get("total")
    if not version and not os.environ.get("HOLDFAST_FETCH_PINNED"):
        part.restart()  # nothing would tell whether the second half belongs to the first
    have = part.size()
    if total is not None and have == total:
        return
    request = urllib.request.Request(url)
    request.add_header("Accept-Encoding", "identity")
    for name, value in (headers() if callable(headers) else headers).items():
        request.add_unredirected_header(name, value)
    if have > 0:
        request.add_header("Range", "bytes=%d-" % have)
        if version:
            request.add_header("If-Range", version)
    with opened(opener, request, part) as answer:
        have, total = where_it_goes_on(answer, have, part)
        require_room(part.path, None if total is None else total - have)
        part.note(answer, total)
        receive(answer, part, have, total, progress)


def opened(opener, request, part):
    try:
        return opener.open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as problem:
        with problem:
            if problem.code == 416:
                part.restart()
                raise Interrupted("the server no longer has the rest of this file")
            if problem.code == 412:
                part.restart()
                raise Refused("what is fetched changed meanwhile; try again")
            said = "%s answers %d %s" % (host_of(problem.geturl()), problem.code, problem.reason)
            if problem.code in (408, 425, 429) or problem.code >= 500:
                raise Interrupted(said)
            region = problem.headers.get("x-amz-bucket-region")
            raise Refused(said + (": the bucket is in %s, set AWS_REGION to that in env" % region if problem.code in (301, 307, 400) and region else hint_for(problem.code)))
    except (urllib.error.URLError, OSError, http.client.HTTPException) as problem:
        reason = getattr(problem, "reason", problem)
        if "CERTIFICATE_VERIFY_FAILED" in str(reason):
            raise Refused("the certificate of %s cannot be verified" % host_of(request.full_url))
        raise Interrupted("%s cannot be reached: %s" % (host_of(request.full_url), reason))


def hint_for(code):
    if code in (401, 403):
        return ": it wants a permission; name a secret in `token` of the input (for a bucket: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY in secrets)"
    return ": look at the source of the input" if code in (404, 410) else ""


def where_it_goes_on(answer, have, part):
    """(bytes to keep, size of the whole or None), from what the server decided to send."""
    length = answer.headers.get("Content-Length")
    length = int(length) if length is not None and length.isdigit() else None
    if answer.status == 206:
        match = re.match(r"bytes (\d+)-\d+/(\d+|\*)\Z", answer.headers.get("Content-Range", ""))
        if match is None or int(match.group(1)) != have:
            part.restart()
            raise Interrupted("the server sent another part than was asked for")
        return have, None if match.group(2) == "*" else int(match.group(2))
    return 0, length


def receive(answer, part, have, total, progress):
    with open(part.path, "r+b" if have else "wb") as file:
        file.seek(have)
        file.truncate()
        mark, marked = time.monotonic(), have
        while True:
            try:
                piece = answer.read(CHUNK)
            except (OSError, http.client.HTTPException) as problem:
                raise Interrupted("the connection ended after %d bytes: %s" % (have, type(problem).__name__))
            if not piece:
                break
            file.write(piece)
            have += len(piece)
            progress(part.destination, have, total)
            if time.monotonic() - mark > 60:
                if have - marked < SLOWEST * 60:
                    raise Interrupted("the server sends less than %d bytes per second" % SLOWEST)
                mark, marked = time.monotonic(), have
    if total is not None and have != total:
        raise Interrupted("the answer ended at %d of %d bytes" % (have, total))


def require_room(path, wanted):
    """A disk that fills up while an input arrives would end the run's checkpoints too."""
    if wanted is None:
        return
    disk = os.statvfs(os.path.dirname(path))
    free, floor = disk.f_bavail * disk.f_frsize, int(os.environ.get("HOLDFAST_FETCH_FLOOR") or 0)
    if free - wanted < floor:
        raise Refused("%d bytes are to come, %d are free, and %d stay free" % (wanted, free, floor))


class Progress:
    """How much of everything has arrived, told at most once a second in a small file."""

    def __init__(self, total=None):
        self.have, self.total, self.told, self.lock = {}, total, 0.0, threading.Lock()

    def __call__(self, part, have, total):
        path = os.environ.get("HOLDFAST_FETCH_PROGRESS")
        with self.lock:
            self.have[part] = have
            if not path or time.monotonic() - self.told < 1:
                return
            self.told = time.monotonic()
            whole = total if self.total is None else self.total
            with open(path + ".new", "w") as file:
                file.write("%d %s\n" % (sum(self.have.values()), "unknown" if whole is None else whole))
            os.replace(path + ".new", path)


# --- HTTP ------------------------------------------------------------------------------------------------------------


class Redirects(urllib.request.HTTPRedirectHandler):
    """Never from https to http, never to a file; a token goes on to the same host only."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if new.scheme != "https" and new.scheme != old.scheme:
            raise Refused("%s leads on to an address that is not https" % old.hostname)
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and (old.scheme, old.netloc) == (new.scheme, new.netloc) and req.has_header("Authorization"):
            request.add_unredirected_header("Authorization", req.get_header("Authorization"))
        return request


def opener_for(source):
    if urllib.parse.urlsplit(source).scheme not in ("http", "https"):
        raise Refused("only http and https can be fetched")
    opener = urllib.request.OpenerDirector()
    handlers = (urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler, Redirects, urllib.request.HTTPErrorProcessor, urllib.request.HTTPDefaultErrorHandler)
    for handler in handlers:
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", "holdfast")]
    return opener


def host_of(url):
    """Of an address only the host is shown: what follows may be signed."""
    return urllib.parse.urlsplit(url).hostname or "the server"
