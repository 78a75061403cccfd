/** The durable tier: full, missing or not taking writes, it must never look like success. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inParallel, projectRoot, underEachShell } from "./rig";

const never = { command: 'echo ran >"$HOLDFAST_OUTPUT_DIR/ran"\n' };
const namespaces = spawnSync("unshare", ["-Urm", "true"]).status === 0;

inParallel("tier", () => {
  underEachShell("a cell does not start into a full disk", async (rig) => {
    rig.writeSpec({ a: never, b: never }, { limits: { bytes_floor: "999999999999999999" } });
    assert.equal((await rig.queue().finished).code, 20);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").cause, rig.cell("a").exit], ["failed", "gate", null]);
    assert.equal(rig.cell("b").state, "pending");
    assert.equal(existsSync(rig.inRun("cells", "a")), false);
    assert.equal(rig.closed(), null);
    assert.match(rig.read("logs", "queue.log"), /bytes are free, the floor is 999999999999999999/);
  });

  underEachShell("a cell does not start without inodes for its files", async (rig) => {
    rig.writeSpec({ a: never }, { limits: { inodes_floor: "999999999999999999" } });
    assert.equal((await rig.queue().finished).code, 20);
    assert.equal(rig.cell("a").cause, "gate");
    assert.match(rig.read("logs", "queue.log"), /inodes are free/);
  });

  underEachShell("a gated cell runs once there is room again", async (rig) => {
    rig.writeSpec({ a: never }, { limits: { bytes_floor: "999999999999999999" } });
    assert.equal((await rig.queue().finished).code, 20);
    rig.writeSpec({ a: never });
    assert.equal((await rig.queue().finished).code, 0);
  });

  underEachShell("a share that is not mounted after a reboot is not replaced by a folder on the own disk", async (rig) => {
    rig.writeSpec({ a: never }, { limits: { mount: rig.mount } });
    assert.equal((await rig.queue().finished).code, 20);
    assert.equal(rig.cellIfThere("a"), null);
    assert.match(rig.read("logs", "queue.log"), /is not mounted/);
  });

  underEachShell("a state that cannot be written is not a success", async (rig) => {
    // It waits for its pid to be recorded: after that only its end is left to write.
    const states = rig.inRun("state", "cells");
    rig.writeSpec({ a: { command: `until grep -q '"pid":[0-9]' "${states}/a.json"; do sleep 0.05; done; rm -rf "${states}"; echo x >"${states}"\n` }, b: never });
    assert.equal((await rig.queue().finished).code, 30);
    assert.equal(rig.closed(), null);
    assert.equal(existsSync(rig.inRun("cells", "b")), false);
    assert.match(rig.read("logs", "queue.log"), /does not take what is written/);
  });

  underEachShell("a closing marker that cannot be written is not a success", async (rig) => {
    rig.writeSpec({ a: { command: `mkdir -p "${rig.inRun("state", "closed.json")}/in-the-way"\n` } });
    assert.equal((await rig.queue().finished).code, 30);
  });

  underEachShell("an output folder or log that cannot be made is a failure of the tier, not of the training", async (rig) => {
    rig.writeSpec({ a: never });
    mkdirSync(rig.inRun("cells"), { recursive: true });
    writeFileSync(rig.inRun("cells", "a"), "a file in its place");
    assert.equal((await rig.queue().finished).code, 30);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").cause], ["failed", "sync"]);
    rig.writeSpec({ b: never });
    mkdirSync(rig.inRun("logs", "b.log"));
    assert.equal((await rig.queue().finished).code, 30);
    assert.deepEqual([rig.cell("b").state, rig.cell("b").cause], ["failed", "sync"]);
  });

  underEachShell("artifacts that cannot be flushed are not complete", async (rig) => {
    rig.writeSpec({ a: never });
    rig.stub("sync", 'case "$*" in *cells/a/ran*) echo "sync: error syncing: Input/output error" >&2; exit 1 ;; esac; exec /bin/sync "$@"');
    assert.equal((await rig.queue().finished).code, 30);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").cause, rig.cell("a").exit], ["failed", "sync", 0]);
  });

  underEachShell("a run directory that cannot be made is told at once", async (rig) => {
    rig.writeSpec({ a: never });
    writeFileSync(join(rig.mount, "holdfast"), "a file in its place");
    const { code, stderr } = await rig.queue().closed;
    assert.equal(code, 30);
    assert.match(stderr, /cannot be written/);
  });

  underEachShell("a disk that fills up under a cell does not end in success", async (rig, t) => {
    if (!namespaces) {
      t.skip("unprivileged mounts are switched off here, so no small disk can be made");
      return;
    }
    // The payload succeeds and leaves not one page for the wrapper's own words.
    rig.writeSpec({ a: { command: 'cat /dev/zero >"$HOLDFAST_OUTPUT_DIR/fill" 2>/dev/null; exit 0\n' }, b: never });
    const queue = rig.launch("unshare", ["-Urm", rig.shell, "-c", 'mount -t tmpfs -o size=256k tmpfs "$1" || exit 99; shift; exec "$@"', "sh", rig.mount,
      rig.shell, join(projectRoot, "remote", "run_queue.sh"), rig.runDirectory, rig.spec, rig.code]);
    assert.equal((await queue.finished).code, 30);
  });
});
