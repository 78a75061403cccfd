/** What a job leaves on the instance's own disk beside its artifacts: it goes with the instance, so somebody must see it first. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { projectRoot, underEachShell } from "./rig";

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

for (const shell of ["dash", "bash"]) {
  const strays = (base: string): string[] =>
    execFileSync(shell, [join(projectRoot, "remote", "strays.sh"), base], { encoding: "utf8" }).split("\n").filter((line) => line !== "");

  test(`${shell}: a model saved into the working directory is listed, the pushed code is not`, () => {
    const home = mkdtempSync(join(tmpdir(), "holdfast-strays-"));
    try {
      const base = join(home, "holdfast");
      put(join(base, "code-abc", "train.py"), "1");
      put(join(base, "code-abc.list"), "./train.py\n");
      put(join(base, "scripts-abc", "x.sh"), "1");
      put(join(base, "spec-abc", "queue"), "a\n");
      put(join(base, "secrets", "run"), "1");
      assert.deepEqual(strays(base), []);
      put(join(base, "code-abc", "model.pt"), "12345");
      put(join(base, "code-abc", "out put", "a.pt"), "12");
      put(join(base, "code-abc", "out put", "b.pt"), "1");
      put(join(base, "code-abc", "__pycache__", "train.pyc"), "1");
      put(join(base, "results", "x"), "123");
      assert.deepEqual(strays(base), ["5 1 holdfast/code-abc/model.pt", "3 2 holdfast/code-abc/out put", "3 1 holdfast/results"]);
      rmSync(join(base, "code-abc.list"));
      assert.ok(strays(base).includes("1 1 holdfast/code-abc/train.py"), "without a list everything counts as made there");
    } finally {
      rmSync(home, { recursive: true });
    }
  });
}

underEachShell("a folder in the run's directory that no manifest covers is listed before its tier goes", async (rig) => {
  put(rig.inRun("cells", "a", "own"), "own");
  put(rig.inRun("evals", "final.pt"), "1234");
  put(rig.inRun("notes.txt"), "12");
  const { code, stdout } = await rig.run("outside.sh", [rig.mount, rig.runDirectory]);
  const own = rig.runDirectory.slice(rig.mount.length + 1);
  assert.deepEqual([code, stdout.trimEnd().split("\n").sort()], [0, [`2 1 ${own}`, `4 1 ${own}/evals`]]);
});
