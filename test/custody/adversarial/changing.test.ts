// A file that another process changes while it is read is an error, whatever its format and however it is changed.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { verifyFile } from "../../../custody/verify/index.js";
import { codes, npy, safetensors, statePickle, temporaryFolder, torchArchive, zip } from "../verify/forge.js";

/** More than the 16 MiB after which the reader first tells where it is. */
const bytes = 18 * 1024 * 1024;
const data = Buffer.alloc(bytes, 1);
const tensor = { name: "w", key: "0", elements: bytes / 4, size: [bytes / 4], stride: [1] };
const files: Readonly<Record<string, Buffer>> = {
  "m.safetensors": safetensors({ w: { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] } }, data),
  "m.pt": torchArchive(statePickle([tensor]), { "0": data }),
  "a.npz": zip([{ name: "w.npy", data: npy("'<f4'", `(${bytes / 4},)`, data) }]),
  "a.npy": npy("'<f4'", `(${bytes / 4},)`, data),
  "train.log": data,
};

/** What the other process does with the path in $1. */
const changes: readonly (readonly [what: string, script: string])[] = Object.entries({
  "is written to, where it was read already": 'printf changed | dd of="$1" bs=1 seek=1000 conv=notrunc status=none',
  "is written to, where it was not read yet": `printf changed | dd of="$1" bs=1 seek=${17 * 1024 * 1024} conv=notrunc status=none`,
  "grows": 'printf more >> "$1"',
  "is cut": 'truncate -s 1000000 "$1"',
  "is emptied and written anew": 'cp "$1" "$1.copy" && cat "$1.copy" > "$1"',
  "is replaced by the same bytes": 'cp "$1" "$1.tmp" && mv "$1.tmp" "$1"',
  "is removed": 'rm "$1"',
});

for (const [index, [name, content]] of Object.entries(files).entries()) {
  test(`${name}: a file that another process changes while it is read is refused`, async (context) => {
    const path = join(temporaryFolder(context), name);
    // All of them to the first format, three to each of the others: the reader is the same, what it does with the bytes is not.
    for (const [what, script] of index === 0 ? changes : [0, 1, 2].map((step) => changes[(3 * index + step) % changes.length]!)) {
      writeFileSync(path, content);
      assert.deepEqual(codes(await verifyFile(path)), [], "whole");
      let changed = false;
      const verdict = await verifyFile(path, {
        onBytes: () => {
          if (changed) return;
          changed = true;
          execFileSync("sh", ["-c", script, "sh", path]);
        },
      });
      assert.equal(changed, true);
      assert.ok(codes(verdict).includes("changed-while-read"), `${what}: ${JSON.stringify(verdict.problems)}`);
    }
  });
}

/** Blocks until the condition holds: the reader's callback is synchronous, and the other process goes on. */
function waitFor(condition: () => boolean): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (!condition()) Atomics.wait(pause, 0, 0, 1);
}

/** Runs `body` while another process does the same with the path again and again. */
async function whileBusy(script: string, path: string, body: () => Promise<void>): Promise<void> {
  const child = spawn("sh", ["-c", `while :; do ${script}; done`, "sh", path], { stdio: "ignore", detached: true });
  const ended = once(child, "exit");
  try {
    await body();
  } finally {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await ended;
  }
}

test("a file that a trainer goes on appending to is refused every time", async (context) => {
  const path = join(temporaryFolder(context), "train.log");
  writeFileSync(path, data);
  await whileBusy('echo line >> "$1"', path, async () => {
    for (let round = 0; round < 5; round += 1) {
      let first = -1;
      const verdict = await verifyFile(path, {
        onBytes: () => {
          if (first >= 0) return;
          first = statSync(path).size;
          waitFor(() => statSync(path).size !== first);
        },
      });
      assert.deepEqual(codes(verdict), ["changed-while-read"]);
    }
  });
});

test("a checkpoint that a trainer replaces again and again is refused, or is one of the whole ones", async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, "m.safetensors");
  const versions = [1, 2].map((fill) => safetensors({ w: { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] } }, Buffer.alloc(bytes, fill)));
  versions.forEach((version, index) => writeFileSync(join(folder, `v${index}`), version));
  writeFileSync(path, versions[0] ?? data);
  const whole = new Set(versions.map((version) => createHash("sha256").update(version).digest("hex")));
  let refused = 0;
  await whileBusy(`for v in 0 1; do cp "${folder}/v$v" "$1.tmp" && mv "$1.tmp" "$1"; done`, path, async () => {
    for (let round = 0; round < 10; round += 1) {
      const waits = round % 2 === 0;
      let inode = -1;
      const verdict = await verifyFile(path, {
        onBytes: () => {
          if (!waits || inode >= 0) return;
          inode = statSync(path).ino;
          waitFor(() => statSync(path).ino !== inode);
        },
      });
      assert.ok(whole.has(verdict.sha256), "a mixture of two versions was read");
      if (waits) assert.deepEqual(codes(verdict), ["changed-while-read"]);
      if (!verdict.ok) refused += 1;
    }
  });
  assert.ok(refused >= 5);
  assert.ok(whole.has(createHash("sha256").update(readFileSync(path)).digest("hex")));
});
