/** What a payload is given besides its command: threads of its slice, a proxy, a place for curves and caches. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inParallel, projectRoot, underEachShell, type Rig } from "./rig";

const prints = (...names: string[]): { command: string } => ({ command: `{ ${names.map((name) => `printf '%s\\n' "$${name}"`).join("; ")}; } >"$HOLDFAST_OUTPUT_DIR/seen"\n` });
const seen = (rig: Rig): string[] => rig.read("cells", "a", "seen").split("\n").slice(0, -1);

/** processors(), as it counts with the given files of a cgroup. */
async function processors(rig: Rig, groups: string, files: Readonly<Record<string, string>>): Promise<string> {
  const root = join(rig.root, "cgroup");
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  writeFileSync(join(rig.root, "groups"), groups);
  rig.stub("nproc", "echo 64");
  const script = '. "$1/files.sh"; . "$1/measure.sh"; cgroup_root=$2 cgroup_of_self=$3; processors';
  const { stdout } = await rig.launch(rig.shell, ["-c", script, "sh", join(projectRoot, "remote", "lib"), root, join(rig.root, "groups")]).closed;
  return stdout.trim();
}

inParallel("environment", () => {
  underEachShell("threads follow the share of processors of cgroup version 2, rounded up, wherever it is set", async (rig) => {
    assert.equal(await processors(rig, "0::/pod/box\n", { "pod/box/cpu.max": "max 100000\n", "pod/cpu.max": "650000 100000\n" }), "7");
  });

  underEachShell("threads follow the share of processors of cgroup version 1", async (rig) => {
    assert.equal(await processors(rig, "4:cpu,cpuacct:/docker/1\n3:memory:/docker/1\n", { "cpu/docker/1/cpu.cfs_quota_us": "1200000\n", "cpu/docker/1/cpu.cfs_period_us": "100000\n" }), "12");
    assert.equal(await processors(rig, "4:cpu,cpuacct:/docker/2\n", { "cpu/docker/2/cpu.cfs_quota_us": "-1\n", "cpu/docker/2/cpu.cfs_period_us": "100000\n" }), "64");
  });

  underEachShell("every library's threads are sized to the slice, and what the job says wins", async (rig) => {
    rig.stub("nproc", "echo 1");
    rig.writeSpec({ a: prints("HOLDFAST_CPUS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS", "PYTHONUNBUFFERED") });
    assert.equal((await rig.queue().finished).code, 0);
    assert.deepEqual(seen(rig), ["1", "1", "1", "1", "1", "1"]);
    rig.writeSpec({ a: { ...prints("HOLDFAST_CPUS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), sha256: "b".repeat(64) } }, { env: "export OMP_NUM_THREADS=3\n" });
    const other = join(rig.runDirectory, "..", "run2");
    assert.equal((await rig.start("run_queue.sh", [other, rig.spec, rig.code]).finished).code, 0);
    assert.equal((await rig.launch("cat", [join(other, "cells", "a", "seen")]).closed).stdout, "1\n3\n3\n");
  });

  underEachShell("the platform's proxy reaches every command, and one that is not there ends none", async (rig) => {
    writeFileSync(join(rig.root, "accelerate"), "echo noise; export https_proxy=http://192.0.2.1:80\n");
    rig.writeSpec({ a: prints("https_proxy") });
    writeFileSync(join(rig.spec, "proxy"), `[ ! -r '${rig.root}/accelerate' ] || . '${rig.root}/accelerate'\n[ ! -r /no/such/accelerator ] || . /no/such/accelerator\n`);
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.deepEqual(seen(rig), ["http://192.0.2.1:80"]);
    assert.ok(!rig.read("logs", "a.log").includes("noise"));
  });

  underEachShell("curves are artifacts, and the platform's panel finds them", async (rig) => {
    rig.writeSpec({ a: { command: 'mkdir -p "$HOLDFAST_TENSORBOARD_DIR" && echo curve >"$HOLDFAST_TENSORBOARD_DIR/events"\n' } });
    writeFileSync(join(rig.spec, "tensorboard"), `${rig.root}/tf-logs\n`);
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(rig.read("cells", "a", "tensorboard", "events"), "curve\n");
    assert.equal(readlinkSync(join(rig.root, "tf-logs", "run1-a")), rig.inRun("cells", "a", "tensorboard"));
    assert.match((await rig.run("manifest.sh", [rig.runDirectory])).stdout, /cells\/a\/tensorboard\/events/);
  });

  underEachShell("a panel's folder that cannot be made does not keep a cell from training", async (rig) => {
    rig.writeSpec({ a: prints("HOLDFAST_CELL") });
    writeFileSync(join(rig.root, "file"), "");
    writeFileSync(join(rig.spec, "tensorboard"), `${rig.root}/file/tf-logs\n`);
    assert.equal((await rig.queue().finished).code, 0);
    assert.match(rig.read("logs", "queue.log"), /the panel's folder .* cannot be written/);
  });

  underEachShell("compiled kernels stay on the own disk, where nobody takes them for strays", async (rig) => {
    rig.writeSpec({ a: { command: 'mkdir -p "$TORCHINDUCTOR_CACHE_DIR" "$TRITON_CACHE_DIR" && touch "$TORCHINDUCTOR_CACHE_DIR/x"\n' } });
    assert.equal((await rig.queue().finished).code, 0);
    assert.ok(existsSync(join(rig.ownDisk, "cache", "torchinductor", "x")));
    assert.equal((await rig.run("strays.sh", [rig.ownDisk])).stdout, "");
  });
});
