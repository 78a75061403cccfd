import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { durableWrites, UserError, writeFileDurably, type WriteStep } from "../../custody";
import { appendDurably, createExclusively } from "../../custody/disk/files";
import { temporaryFolder } from "./support";

afterEach(() => { durableWrites.beforeStep = () => undefined; });

const failAt = (operation: WriteStep["operation"], code: string): void => {
  durableWrites.beforeStep = (step) => {
    if (step.operation === operation) throw Object.assign(new Error(`${code}: simulated`), { code });
  };
};

for (const operation of ["write", "fsync", "rename"] as const) {
  test(`a disk that fails at ${operation} leaves the old content and no litter`, (context) => {
    const folder = temporaryFolder(context);
    const path = join(folder, "document");
    writeFileSync(path, "old");
    failAt(operation, "EIO");
    assert.throws(() => { writeFileDurably(path, "new"); }, /EIO/);
    assert.equal(readFileSync(path, "utf8"), "old");
    assert.deepEqual(readdirSync(folder), ["document"]);
  });
}

test("a full disk is told as one, with the path", (context) => {
  const path = join(temporaryFolder(context), "document");
  failAt("write", "ENOSPC");
  assert.throws(() => { writeFileDurably(path, "new"); }, (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.code, "disk-full");
    assert.match(error.message, /^The disk that holds .*document is full; nothing was recorded there\.$/);
    return true;
  });
});

test("an append that fails half-way is taken back", (context) => {
  const path = join(temporaryFolder(context), "log");
  appendDurably(path, "one\n");
  failAt("fsync", "ENOSPC");
  assert.throws(() => { appendDurably(path, "two\n"); }, UserError);
  assert.equal(readFileSync(path, "utf8"), "one\n");
});

test("of several creators one wins and the others are told", (context) => {
  const path = join(temporaryFolder(context), "id");
  assert.equal(createExclusively(path, "first"), true);
  assert.equal(createExclusively(path, "second"), false);
  assert.equal(readFileSync(path, "utf8"), "first");
});

test("a private file is private whatever the umask, and a new folder is made for it", (context) => {
  const path = join(temporaryFolder(context), "keys", "local.key");
  const before = process.umask(0);
  context.after(() => { process.umask(before); });
  writeFileDurably(path, "secret", 0o600);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});
