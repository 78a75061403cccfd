// One file: what cannot be read, and what moves while it is read, must never count as verified.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, chmodSync, closeSync, mkdirSync, openSync, readFileSync, renameSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { verifyFile } from "../../../custody/verify/index.js";
import { codes, safetensors, temporaryFolder } from "./forge.js";

const megabyte = 1024 * 1024;

test("hash and size are those of the file, for every length around the chunk size", async (context) => {
  const path = join(temporaryFolder(context), "data.txt");
  const bytes = Buffer.alloc(3 * 256 * 1024 + 7, "holdfast ");
  for (const length of [0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, bytes.length]) {
    writeFileSync(path, bytes.subarray(0, length));
    const verdict = await verifyFile(path);
    assert.deepEqual(verdict, { path, bytes: length, sha256: createHash("sha256").update(bytes.subarray(0, length)).digest("hex"), format: "opaque", ok: true, problems: [] });
  }
});

test("a file that is missing, a folder, a pipe, or unreadable is a problem and not an exception", async (context) => {
  const folder = temporaryFolder(context);
  assert.deepEqual(codes(await verifyFile(join(folder, "none.pt"))), ["missing"]);
  assert.deepEqual(codes(await verifyFile(folder)), ["not-a-file"]);
  const pipe = join(folder, "pipe.pt");
  execFileSync("mkfifo", [pipe]);
  assert.deepEqual(codes(await verifyFile(pipe)), ["not-a-file"]);
  const loop = join(folder, "loop.pt");
  symlinkSync(loop, loop);
  const verdict = await verifyFile(loop);
  assert.deepEqual(codes(verdict), ["unreadable"]);
  assert.match(verdict.problems[0]?.message ?? "", /ELOOP/);
});

test("a file named like weights that holds nothing, or nothing but zeros, is not verified, whatever its format", async (context) => {
  const folder = temporaryFolder(context);
  for (const name of ["last.ckpt", "pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "model.h5", "model.gguf", "__0_0.distcp"]) {
    const path = join(folder, name);
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(megabyte)]) {
      writeFileSync(path, bytes);
      assert.deepEqual(codes(await verifyFile(path)), ["empty"], `${name} of ${bytes.length} zeros`);
      assert.deepEqual(codes(await verifyFile(path, { role: "opaque" })), []);
    }
    writeFileSync(path, Buffer.concat([Buffer.alloc(megabyte), Buffer.from("x")]));
    assert.deepEqual(codes(await verifyFile(path)), [], `${name} with a byte at its end`);
  }
  for (const name of ["pad.bin", "DONE", "notes.txt"]) {
    writeFileSync(join(folder, name), Buffer.alloc(16));
    assert.deepEqual(codes(await verifyFile(join(folder, name))), [], name);
  }
});

test("a link is followed to the file it names", async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "real"));
  writeFileSync(join(folder, "real", "m.json"), "{}");
  symlinkSync(join(folder, "real", "m.json"), join(folder, "m.json"));
  assert.equal((await verifyFile(join(folder, "m.json"))).ok, true);
});

const changes: Readonly<Record<string, (path: string) => void>> = {
  "grows": (path) => appendFileSync(path, "x"),
  "shrinks": (path) => truncateSync(path, 20 * megabyte),
  "shrinks below what was read": (path) => truncateSync(path, megabyte),
  "is overwritten in place": (path) => overwrite(path),
  "is overwritten in place and its time set back": (path) => {
    overwrite(path);
    utimesSync(path, 1_700_000_000, 1_700_000_000);
  },
  "is replaced by another file": (path) => {
    writeFileSync(`${path}.tmp`, readFileSync(path));
    renameSync(`${path}.tmp`, path);
  },
  "is deleted": (path) => unlinkSync(path),
};

function overwrite(path: string): void {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, Buffer.from("changed"), 0, 7, 30 * megabyte);
  closeSync(descriptor);
}

for (const [what, change] of Object.entries(changes)) {
  test(`a file that ${what} while it is read is not verified`, async (context) => {
    const path = join(temporaryFolder(context), "m.safetensors");
    const data = Buffer.alloc(40 * megabyte);
    writeFileSync(path, safetensors({ a: { dtype: "F32", shape: [data.length / 4], data_offsets: [0, data.length] } }, data));
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    let changed = false;
    const verdict = await verifyFile(path, {
      onBytes: () => {
        if (!changed) change(path);
        changed = true;
      },
    });
    assert.equal(changed, true);
    assert.equal(verdict.ok, false);
    assert.ok(codes(verdict).includes("changed-while-read"), JSON.stringify(verdict.problems));
  });
}

test("a link that is turned to another file while it is read is not verified", async (context) => {
  const folder = temporaryFolder(context);
  const link = join(folder, "data.log");
  for (const name of ["one", "two"]) writeFileSync(join(folder, name), Buffer.alloc(20 * megabyte));
  symlinkSync("one", link);
  const verdict = await verifyFile(link, {
    onBytes: () => {
      symlinkSync("two", `${link}.new`);
      renameSync(`${link}.new`, link);
    },
  });
  assert.deepEqual(codes(verdict), ["changed-while-read"]);
});

test("a read that is aborted rejects with the signal's reason", async (context) => {
  const path = join(temporaryFolder(context), "big.log");
  writeFileSync(path, Buffer.alloc(40 * megabyte));
  const controller = new AbortController();
  await assert.rejects(verifyFile(path, { signal: controller.signal, onBytes: () => controller.abort(new Error("enough")) }), /enough/);
});

test("two files read at once do not mix", async (context) => {
  const folder = temporaryFolder(context);
  const paths = ["a", "b", "c"].map((name, index) => {
    const path = join(folder, `${name}.bin`);
    writeFileSync(path, Buffer.alloc(20 * megabyte, index));
    return path;
  });
  const verdicts = await Promise.all(paths.map((path) => verifyFile(path)));
  verdicts.forEach((verdict, index) => assert.equal(verdict.sha256, createHash("sha256").update(Buffer.alloc(20 * megabyte, index)).digest("hex")));
});

test("a file without read permission is a problem", { skip: process.getuid?.() === 0 ? "root reads every file" : false }, async (context) => {
  const path = join(temporaryFolder(context), "m.json");
  writeFileSync(path, "{}");
  chmodSync(path, 0);
  assert.deepEqual(codes(await verifyFile(path)), ["unreadable"]);
});
