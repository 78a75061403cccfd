/** What is copied while a run goes on is only what nobody writes any more. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { inParallel, projectRoot, underEachShell, until, type Rig } from "./rig";
import { spawn } from "node:child_process";
import { join } from "node:path";

function put(rig: Rig, path: string, content: string): void {
  mkdirSync(dirname(rig.inRun(path)), { recursive: true });
  writeFileSync(rig.inRun(path), content);
}
const mtime = (rig: Rig, path: string): number => Math.floor(statSync(rig.inRun(path)).mtimeMs / 1000);
const listed = (rig: Rig, path: string, word = "closed"): string => `${word} ${statSync(rig.inRun(path)).size} ${mtime(rig, path)} ${path}\n`;
const hashed = (rig: Rig, path: string): string =>
  `${createHash("sha256").update(readFileSync(rig.inRun(path))).digest("hex")} ${statSync(rig.inRun(path)).size} ${mtime(rig, path)} ${path}\n`;

/** Runs closed.sh with paths on its stdin. */
async function hash(rig: Rig, paths: readonly string[], seconds = "0"): Promise<string> {
  const child = spawn(rig.shell, [join(projectRoot, "remote", "closed.sh"), rig.runDirectory, seconds, "--hash"], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(paths.map((path) => `${path}\n`).join(""));
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => { stdout += text; });
  return new Promise((done) => { child.once("close", () => { done(stdout); }); });
}

inParallel("closed files", () => {
  underEachShell("a file that changed a moment ago may still be written", async (rig) => {
    put(rig, "cells/a/checkpoints/step-1.npz", "whole");
    const young = await rig.run("closed.sh", [rig.runDirectory, "3600"]);
    assert.deepEqual([young.code, young.stdout], [0, listed(rig, "cells/a/checkpoints/step-1.npz", "open")]);
    assert.equal(await hash(rig, ["cells/a/checkpoints/step-1.npz"], "3600"), "");
    const settled = await rig.run("closed.sh", [rig.runDirectory, "0"]);
    assert.equal(settled.stdout, listed(rig, "cells/a/checkpoints/step-1.npz"));
  });

  underEachShell("a file that a process has open for writing is not copied, one that is read is", async (rig) => {
    put(rig, "cells/a/checkpoints/step-1.npz", "whole");
    put(rig, "cells/a/checkpoints/step-2.npz", "ha");
    const [reader, writer] = [openSync(rig.inRun("cells/a/checkpoints/step-1.npz"), "r"), openSync(rig.inRun("cells/a/checkpoints/step-2.npz"), "a")];
    try {
      const { stdout } = await rig.run("closed.sh", [rig.runDirectory, "0"]);
      assert.equal(stdout, listed(rig, "cells/a/checkpoints/step-1.npz") + listed(rig, "cells/a/checkpoints/step-2.npz", "open"));
      assert.equal(await hash(rig, ["cells/a/checkpoints/step-1.npz", "cells/a/checkpoints/step-2.npz"]), hashed(rig, "cells/a/checkpoints/step-1.npz"));
      writeSync(writer, "lf");
    } finally {
      closeSync(reader);
      closeSync(writer);
    }
    assert.equal(await hash(rig, ["cells/a/checkpoints/step-2.npz"]), hashed(rig, "cells/a/checkpoints/step-2.npz"));
  });

  underEachShell("a file that is written while it is hashed is left out", async (rig, t) => {
    put(rig, "cells/a/big.bin", "x".repeat(1 << 20));
    put(rig, "cells/a/small.bin", "x");
    // The file grows all the time, and nobody keeps it open.
    const grow = spawn("sh", ["-c", 'while :; do printf x >>"$1"; done', "sh", rig.inRun("cells/a/big.bin")], { stdio: "ignore" });
    t.after(() => { grow.kill("SIGKILL"); });
    await until("it grows", () => statSync(rig.inRun("cells/a/big.bin")).size > (1 << 20));
    assert.equal(await hash(rig, ["cells/a/big.bin", "cells/a/small.bin"]), hashed(rig, "cells/a/small.bin"));
  });

  underEachShell("unfinished writes, links and names that cannot be copied are passed over, odd names are not", async (rig) => {
    const names = ["cells/a/ two  blanks", "cells/a/größe", "cells/a/pipe|pipe", "cells/a/quote'\""];
    for (const name of [...names, "cells/a/x.tmp", "cells/a/new\nline", "cells/a/back\\slash", "logs/a.log"]) put(rig, name, name);
    const { code, stdout } = await rig.run("closed.sh", [rig.runDirectory, "0"]);
    assert.equal(code, 0);
    assert.deepEqual(stdout.split("\n").filter(Boolean).map((line) => line.split(" ").slice(3).join(" ")).sort(), [...names].sort());
    assert.deepEqual((await hash(rig, names)).split("\n").filter(Boolean).sort(), names.map((name) => hashed(rig, name).trimEnd()).sort());
  });

  underEachShell("a run that has written nothing yet has nothing to copy, and a typing error is one", async (rig) => {
    mkdirSync(rig.runDirectory, { recursive: true });
    assert.deepEqual([(await rig.run("closed.sh", [rig.runDirectory, "0"])).code, (await rig.run("closed.sh", [rig.runDirectory, "0"])).stdout], [0, ""]);
    assert.equal((await rig.run("closed.sh", [rig.runDirectory, "soon"])).code, 40);
    assert.equal((await rig.run("closed.sh", [rig.runDirectory, "0", "--hsah"])).code, 40);
  });
});
