/** The manifest names every byte that must be kept, or says why it cannot. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inParallel, underEachShell, type Rig } from "./rig";

function put(rig: Rig, path: string, content: string): void {
  mkdirSync(dirname(rig.inRun(path)), { recursive: true });
  writeFileSync(rig.inRun(path), content);
}

/** What the manifest's line for a file must be. */
function lineOf(rig: Rig, path: string): string {
  const content = readFileSync(rig.inRun(path));
  return `${createHash("sha256").update(content).digest("hex")} ${content.length} ${Math.floor(statSync(rig.inRun(path)).mtimeMs / 1000)} ${path}`;
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

inParallel("manifest", () => {
  underEachShell("every file is listed with its bytes and hash, whatever it is called", async (rig) => {
    const names = ["plain", "two  blanks", " leading", "-dash", "quote'\"", "pipe|pipe", "größe-日本", "semi;$(id)`", "a*?[", "empty", ".hidden", "deep/er/file"].map((name) => `cells/a/${name}`);
    for (const name of names) put(rig, name, name.endsWith("empty") ? "" : `content of ${name}`);
    put(rig, "logs/a.log", "log\n");
    put(rig, "state/cells/a.json", "{}");
    put(rig, "custody/ledger", "not an artifact");
    const { code, stdout, stderr } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout, [...names, "logs/a.log"].sort(byBytes).map((name) => `${lineOf(rig, name)}\n`).join(""));
  });

  underEachShell("an unfinished checkpoint is not an artifact", async (rig) => {
    put(rig, "cells/a/checkpoints/step-1.npz", "whole");
    put(rig, "cells/a/checkpoints/step-2.npz.tmp", "half");
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.deepEqual([code, stdout], [0, `${lineOf(rig, "cells/a/checkpoints/step-1.npz")}\n`]);
  });

  underEachShell("names and kinds of files that a pull would lose or garble are refused by name", async (rig) => {
    put(rig, "cells/a/good", "good");
    put(rig, "cells/a/new\nline", "x");
    put(rig, "cells/a/back\\slash", "x");
    put(rig, "cells/a/car\rriage\x1b", "x");
    symlinkSync("/etc/passwd", rig.inRun("cells/a/link"));
    writeFileSync(Buffer.from(`${rig.inRun("cells/a")}/\xe9-latin1`, "latin1"), "x");
    assert.equal(spawnSync("mkfifo", [rig.inRun("cells/a/pipe")]).status, 0);
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.equal(code, 4);
    const refused = stdout.split("\n").filter((line) => line.startsWith("refuse "));
    assert.deepEqual(refused, [
      "refuse backslash cells/a/back\\\\slash",
      "refuse control-character cells/a/car\\015riage\\033",
      "refuse encoding cells/a/?-latin1",
      "refuse fifo cells/a/pipe",
      "refuse newline cells/a/new\\nline",
      "refuse symlink cells/a/link",
    ]);
  });

  underEachShell("an artifact folder that is a link to elsewhere is refused", async (rig) => {
    mkdirSync(rig.runDirectory, { recursive: true });
    symlinkSync("/usr/share", rig.inRun("cells"));
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.deepEqual([code, stdout], [4, "refuse symlink cells\n"]);
  });

  underEachShell("a file that grows while it is hashed is not recorded with a hash of half of it", async (rig) => {
    put(rig, "cells/a/still", "still");
    put(rig, "cells/a/growing", "first");
    // The trainer's next write happens at the worst moment: right after the hash was taken.
    rig.stub("sha256sum", `/usr/bin/env -i PATH=/usr/bin:/bin sha256sum "$@"; printf more >>"${rig.inRun("cells/a/growing")}"`);
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.equal(code, 5);
    assert.deepEqual(stdout.split("\n"), [lineOf(rig, "cells/a/still"), "changed cells/a/growing", ""]);
  });

  underEachShell("a file replaced by one of the same size and time is noticed", async (rig) => {
    put(rig, "cells/a/checkpoint", "old!");
    const path = rig.inRun("cells/a/checkpoint");
    rig.stub("sha256sum", `/usr/bin/env -i PATH=/usr/bin:/bin sha256sum "$@"; printf new! >"${path}.2"; touch -r "${path}" "${path}.2"; mv "${path}.2" "${path}"`);
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.deepEqual([code, stdout], [5, "changed cells/a/checkpoint\n"]);
  });

  underEachShell("files that come and go meanwhile are told", async (rig) => {
    put(rig, "cells/a/going", "x");
    put(rig, "cells/a/staying", "x");
    rig.stub("sha256sum", `/usr/bin/env -i PATH=/usr/bin:/bin sha256sum "$@"; rm "${rig.inRun("cells/a/going")}"; echo >"${rig.inRun("cells/a/coming")}"`);
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.equal(code, 5);
    assert.deepEqual(stdout.split("\n").slice(-3), ["changed cells/a/coming", "changed cells/a/going", ""]);
  });

  underEachShell("a file that cannot be read is refused, not skipped", async (rig) => {
    put(rig, "cells/a/good", "x");
    put(rig, "cells/a/locked", "x");
    rig.stub("sha256sum", 'for file in "$@"; do case $file in */locked) echo "sha256sum: $file: Permission denied" >&2 ;; --) ;; *) /usr/bin/env -i PATH=/usr/bin:/bin sha256sum -- "$file" ;; esac; done; exit 1');
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.equal(code, 4);
    assert.deepEqual(stdout.split("\n"), [lineOf(rig, "cells/a/good"), "refuse unreadable cells/a/locked", ""]);
  });

  underEachShell("two thousand checkpoints do not start two thousand programs", async (rig) => {
    mkdirSync(rig.inRun("cells/a/checkpoints"), { recursive: true });
    for (let i = 0; i < 2000; i++) writeFileSync(rig.inRun(`cells/a/checkpoints/step-${String(i).padStart(9, "0")}.safetensors`), `content ${i}`);
    rig.stub("sha256sum", `echo x >>"${rig.root}/calls"; exec /usr/bin/env -i PATH=/usr/bin:/bin sha256sum "$@"`);
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2000);
    assert.equal(lines[1234], lineOf(rig, "cells/a/checkpoints/step-000001234.safetensors"));
    assert.ok(readFileSync(join(rig.root, "calls"), "utf8").length / 2 <= 4);
  });

  underEachShell("the manifest of one cell leaves the others and the queue's log alone", async (rig) => {
    for (const path of ["cells/a/x", "cells/ab/x", "logs/a.log", "logs/ab.log", "logs/queue.log"]) put(rig, path, path);
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory, "a"]);
    assert.deepEqual([code, stdout], [0, `${lineOf(rig, "cells/a/x")}\n${lineOf(rig, "logs/a.log")}\n`]);
    assert.equal((await rig.run("manifest.sh", [rig.runDirectory, "../a"])).code, 40);
  });

  underEachShell("a run that made nothing yet has an empty manifest, a run directory that is not there has none", async (rig) => {
    assert.equal((await rig.run("manifest.sh", [rig.runDirectory])).code, 40);
    mkdirSync(rig.inRun("cells"), { recursive: true });
    const { code, stdout } = await rig.run("manifest.sh", [rig.runDirectory]);
    assert.deepEqual([code, stdout], [0, ""]);
  });
});

inParallel("a folder that was not made here", () => {
  underEachShell("everything in it is listed, links are passed over, and what somebody writes meanwhile is left out and named", async (rig) => {
    put(rig, "checkpoints/step 1.npz", "whole");
    put(rig, "checkpoints/step-2.npz.tmp", "half");
    put(rig, "train.log", "1");
    symlinkSync("checkpoints/step 1.npz", rig.inRun("latest.npz"));
    rig.stub("sha256sum", `/usr/bin/env -i PATH=/usr/bin:/bin sha256sum "$@"; printf more >>"${rig.inRun("train.log")}"`);
    const { code, stdout } = await rig.run("manifest.sh", ["--all", rig.runDirectory]);
    assert.deepEqual([code, stdout.split("\n")], [0, [lineOf(rig, "checkpoints/step 1.npz").replace("checkpoints/", "./checkpoints/"), "changed ./train.log", ""]]);
    assert.equal((await rig.run("manifest.sh", ["--all", join(rig.root, "nowhere")])).code, 40);
  });

  underEachShell("a file that cannot be copied faithfully is refused there too", async (rig) => {
    put(rig, "new\nline", "x");
    const { code, stdout } = await rig.run("manifest.sh", ["--all", rig.runDirectory]);
    assert.deepEqual([code, stdout], [4, "refuse newline ./new\\nline\n"]);
  });

  underEachShell("a look says how much lies there, what is newest, and which links lead out of it", async (rig) => {
    put(rig, "a/old.pt", "12345");
    utimesSync(rig.inRun("a/old.pt"), 1000, 1000);
    put(rig, "a/it's \"new\".pt", "123");
    put(rig, "a/half.tmp", "1");
    symlinkSync("a", rig.inRun("inside"));
    symlinkSync("/etc", rig.inRun("out"));
    symlinkSync("nowhere", rig.inRun("dangling"));
    const { code, stdout, stderr } = await rig.run("folder.sh", [rig.runDirectory]);
    assert.equal(code, 0, stderr);
    const { directory, files, bytes, newest, bytesFree, leadingOut } = JSON.parse(stdout) as { directory: string; files: number; bytes: number; newest: { path: string; bytes: number }; bytesFree: number; leadingOut: string[] };
    assert.deepEqual([directory, files, bytes, newest.path, newest.bytes, leadingOut], [realpathSync(rig.runDirectory), 2, 8, "a/it's \"new\".pt", 3, ["out -> /etc"]]);
    assert.ok(bytesFree > 0);
    assert.equal((await rig.run("folder.sh", [join(rig.root, "nowhere")])).code, 40);
  });

  underEachShell("an empty folder is looked at without a word", async (rig) => {
    mkdirSync(rig.runDirectory, { recursive: true });
    const { code, stdout } = await rig.run("folder.sh", [rig.runDirectory]);
    assert.equal(code, 0);
    assert.match(stdout, /"files":0,"bytes":0,"newest":null/);
  });
});

inParallel("outside", () => {
  underEachShell("what would go with the tier is listed by folder, other runs by name", async (rig) => {
    put(rig, "cells/a/own", "own");
    const tier = (path: string, content: string): void => {
      mkdirSync(dirname(join(rig.mount, path)), { recursive: true });
      writeFileSync(join(rig.mount, path), content);
    };
    tier("by-hand.pt", "12345");
    tier("data set/images/1.png", "123");
    tier("data set/images/2.png", "4567");
    tier(".cache/huggingface/model", "1234567");
    tier("holdfast/stray", "1");
    tier("holdfast/proj/dev/run2/cells/a/x", "123456");
    tier("holdfast/proj/dev/run1x/cells/a/x", "1");
    tier("holdfast/other/prod/big/cells/b/y", "12");
    tier("holdfast/other/prod/done/cells/c/z", "123");
    tier("holdfast/other/prod/done/state/ended.json", '{"at":"x","copied":true}\n');
    tier("holdfast/other/prod/unproven/state/ended.json", '{"at":"x","copied":false}\n');
    mkdirSync(join(rig.mount, "holdfast/other/prod/empty"));
    mkdirSync(join(rig.mount, "empty-folder"));
    symlinkSync("/usr", join(rig.mount, "link-to-usr"));
    const { code, stdout } = await rig.run("outside.sh", [rig.mount, rig.runDirectory]);
    assert.equal(code, 0, stdout);
    assert.deepEqual(stdout.trimEnd().split("\n").sort(), [
      "1 1 holdfast",
      "5 2 .",
      "7 1 .cache",
      "7 2 data set",
      "ended 28 2 other/prod/done",
      "run 0 0 other/prod/empty",
      "run 1 1 proj/dev/run1x",
      "run 2 1 other/prod/big",
      "run 26 1 other/prod/unproven",
      "run 6 1 proj/dev/run2",
    ]);
  });

  underEachShell("on the own disk everything but the tool's folder is listed", async (rig) => {
    const home = dirname(rig.ownDisk);
    appendFileSync(join(rig.spec, "queue"), "a\n");
    writeFileSync(join(home, "notes.txt"), "123");
    const { code, stdout } = await rig.run("outside.sh", [home, rig.ownDisk]);
    assert.deepEqual([code, stdout], [0, "3 1 .\n"]);
  });

  underEachShell("a tier that holds only this run has nothing outside it", async (rig) => {
    put(rig, "cells/a/own", "own");
    const { code, stdout } = await rig.run("outside.sh", [rig.mount, rig.runDirectory]);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.equal((await rig.run("outside.sh", [join(rig.root, "nowhere"), rig.runDirectory])).code, 40);
    assert.equal((await rig.run("outside.sh", [rig.mount, rig.root])).code, 40);
  });

  underEachShell("a folder that cannot be read makes the list incomplete, which is said", async (rig) => {
    put(rig, "cells/a/own", "own");
    mkdirSync(join(rig.mount, "private"));
    writeFileSync(join(rig.mount, "private", "x"), "x");
    mkdirSync(join(rig.mount, "lost+found"));
    // Root reads everything, so the refusal of the kernel is played by find.
    rig.stub("find", 'case $1 in */private | */lost+found) echo "find: $1: Permission denied" >&2; exit 1 ;; esac; exec /usr/bin/find "$@"');
    const { code, stdout } = await rig.run("outside.sh", [rig.mount, rig.runDirectory]);
    assert.deepEqual([code, stdout], [4, "refuse unreadable private\n"]);
    rmSync(join(rig.mount, "private"), { recursive: true });
    assert.equal(existsSync(join(rig.mount, "private")), false);
    assert.equal((await rig.run("outside.sh", [rig.mount, rig.runDirectory])).code, 0);
  });
});
