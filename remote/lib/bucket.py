"""Objects of an S3-compatible bucket, as one file or as a folder. Requests are signed (AWS Signature Version 4) or anonymous.

From the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL. Without keys
the bucket is read anonymously. Addresses are path-style: every S3-compatible store takes those.
"""
import datetime
import hashlib
import hmac
import json
import os
import urllib.parse
import urllib.request
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor

from download import Interrupted, Part, Progress, Refused, download, opened, opener_for, persist, require_room

WORKERS = 8
NOTHING = hashlib.sha256(b"").hexdigest()


def fetch_bucket(source, destination):
    address = urllib.parse.urlsplit(source)
    bucket = Bucket(address.netloc)
    # Not unquoted: what was typed is the key, percent signs included.
    key = source[len("s3://" + address.netloc) + 1 :]
    if key and not key.endswith("/"):
        first = next(iter(bucket.list(key, at_most=1)), None)
        if first is not None and first[0] == key:
            fetch_object(bucket, first, destination, destination, Progress())
            return
    fetch_folder(bucket, key.rstrip("/") + "/" if key else "", destination)


def fetch_folder(bucket, prefix, destination):
    objects = {}
    for key, size, tag in bucket.list(prefix):
        path = key[len(prefix) :]
        if (path == "" or path.endswith("/")) and size == 0:
            continue  # what consoles make to show an empty folder
        objects[safe(path, key)] = (key, size, tag)
    if not objects:
        raise Refused("the bucket %s has nothing below %s" % (bucket.name, prefix or "its root"))
    refuse_clashes(objects)
    drop_outdated(destination, objects)
    missing = {path: entry for path, entry in objects.items() if not os.path.exists(os.path.join(destination, path))}
    os.makedirs(destination, exist_ok=True)
    os.makedirs(destination + ".parts", exist_ok=True)
    require_room(destination, sum(size for _, size, _ in missing.values()))
    progress = Progress(sum(size for _, size, _ in missing.values()))

    def fetch_one(item):
        path, entry = item
        target = os.path.join(destination, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        fetch_object(bucket, entry, target, os.path.join(destination + ".parts", hashlib.sha256(path.encode()).hexdigest()[:32]), progress)

    with ThreadPoolExecutor(WORKERS) as pool:
        results = [pool.submit(fetch_one, item) for item in missing.items()]
        try:
            for result in results:
                result.result()
        except BaseException:
            for result in results:
                result.cancel()
            raise
    os.unlink(destination + ".objects")
    for name in os.listdir(destination + ".parts"):
        os.unlink(os.path.join(destination + ".parts", name))
    os.rmdir(destination + ".parts")


def fetch_object(bucket, entry, target, base, progress):
    key, size, tag = entry
    url = bucket.url(key)
    part = Part(target, "%s %s" % (key, tag), base)
    # Of the version that was listed, or not at all: a folder is not put together from two states of a bucket.
    only = {"If-Match": tag} if tag.startswith('"') else {}
    persist(lambda: download(bucket.opener, url, lambda: dict(bucket.headers(key), **only), part, progress), part.size)
    part.finish()


def safe(path, key):
    if path.startswith("/") or any(step in ("", ".", "..") for step in path.split("/")) or "\\" in path or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise Refused("the key %r cannot be the name of a file" % key)
    return path


def refuse_clashes(objects):
    for path in objects:
        above = os.path.dirname(path)
        while above:
            if above in objects:
                raise Refused("the bucket has %r and %r: on a file system one would have to be a file and a folder" % (objects[above][0], objects[path][0]))
            above = os.path.dirname(above)


def drop_outdated(destination, objects):
    """What an earlier try brought and the bucket has changed since is brought again."""
    record = destination + ".objects"
    listed = {path: [size, tag] for path, (_, size, tag) in objects.items()}
    try:
        with open(record) as file:
            earlier = json.load(file)
    except (OSError, ValueError):
        earlier = {}
    for folder, _, names in os.walk(destination):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), destination)
            if path not in listed or earlier.get(path) != listed[path]:
                os.unlink(os.path.join(folder, name))
    with open(record + ".new", "w") as file:
        json.dump(listed, file)
    os.replace(record + ".new", record)


class Bucket:
    def __init__(self, name):
        self.name = name
        self.region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        self.endpoint = (os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "https://s3.%s.amazonaws.com" % self.region).rstrip("/")
        self.opener = opener_for(self.endpoint)

    def url(self, key, query=()):
        text = canonical_query(query)
        return "%s%s%s" % (self.endpoint, self.path(key), "?" + text if text else "")

    def path(self, key):
        base = urllib.parse.urlsplit(self.endpoint).path
        return "%s/%s%s" % (base, self.name, "/" + urllib.parse.quote(key, safe="/~") if key else "")

    def headers(self, key, query=(), now=None):
        """Signed for this moment; empty without keys. docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
        access, secret, session = (os.environ.get("AWS_" + name, "") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
        if not access or not secret:
            return {}
        stamp = (now or datetime.datetime.now(datetime.timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
        signed = {"host": urllib.parse.urlsplit(self.endpoint).netloc, "x-amz-content-sha256": NOTHING, "x-amz-date": stamp}
        if session:
            signed["x-amz-security-token"] = session
        names = ";".join(sorted(signed))
        request = "\n".join(["GET", self.path(key), canonical_query(query), "".join("%s:%s\n" % (name, signed[name]) for name in sorted(signed)), names, NOTHING])
        scope = "%s/%s/s3/aws4_request" % (stamp[:8], self.region)
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
        signing_key = ("AWS4" + secret).encode()
        for step in (stamp[:8], self.region, "s3", "aws4_request"):
            signing_key = hmac.new(signing_key, step.encode(), hashlib.sha256).digest()
        signature = hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()
        signed["Authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (access, scope, names, signature)
        del signed["host"]
        return signed

    def list(self, prefix, at_most=1000):
        """(key, bytes, tag) of every object below the prefix; only the first page's first when `at_most` is 1."""
        mark = None
        while True:
            query = [("list-type", "2"), ("prefix", prefix), ("encoding-type", "url"), ("max-keys", str(at_most))] + ([("continuation-token", mark)] if mark else [])
            page = persist(lambda: self.get_page(query), lambda: 0)
            fields = {local(field): field.text or "" for field in page}
            # Not every store encodes when asked to, and says so by leaving this out.
            decode = urllib.parse.unquote_plus if fields.get("EncodingType") == "url" else str
            for entry in page:
                if local(entry) == "Contents":
                    of = {local(field): field.text or "" for field in entry}
                    yield decode(of["Key"]), int(of["Size"]), of.get("ETag") or of.get("LastModified", "")
            mark = fields.get("NextContinuationToken")
            if at_most == 1 or fields.get("IsTruncated") != "true" or not mark:
                return

    def get_page(self, query):
        request = urllib.request.Request(self.url("", query))
        for name, value in self.headers("", query).items():
            request.add_unredirected_header(name, value)
        with opened(self.opener, request, Nothing()) as answer:
            try:
                return xml.etree.ElementTree.fromstring(answer.read(1 << 26))
            except (OSError, xml.etree.ElementTree.ParseError) as problem:
                raise Interrupted("the list of the bucket ended early: %s" % type(problem).__name__)


class Nothing:
    """A request that fetches no file has nothing to begin again."""

    def restart(self):
        pass


def canonical_query(query):
    return "&".join("%s=%s" % (urllib.parse.quote(name, safe="~"), urllib.parse.quote(value, safe="~")) for name, value in sorted(query))


def local(element):
    return element.tag.rsplit("}", 1)[-1]
