/** Preflight refuses a machine on which the job would lose its checkpoints or bill for nothing. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inParallel, projectRoot, underEachShell, type Finished, type Rig } from "./rig";

/** Another device than the root's, on every Linux. */
const otherDevice = existsSync("/dev/shm") && statSync("/dev/shm").dev !== statSync("/").dev;
const namespaces = spawnSync("unshare", ["-Urm", "true"]).status === 0;

interface Request {
  readonly mount: string;
  readonly run?: string;
  readonly bytes?: string;
  readonly inodes?: string;
  readonly gpus?: string;
  readonly python?: string;
  readonly memory?: string;
}

const argumentsOf = (request: Request): string[] => [
  request.mount, request.run ?? join(request.mount, "holdfast/proj/dev/run1"), request.bytes ?? "1", request.inodes ?? "1", request.gpus ?? "0", request.python ?? "", ...(request.memory === undefined ? [] : [request.memory]),
];

async function onOtherDevice(rig: Rig, check: (mount: string, preflight: (request?: Partial<Request>) => Promise<Finished>) => Promise<void>): Promise<void> {
  const mount = mkdtempSync("/dev/shm/preflight-");
  try {
    await check(mount, (request = {}) => rig.run("preflight.sh", argumentsOf({ mount, ...request })));
    assert.deepEqual(readdirSync(mount), [], "nothing is left behind");
  } finally {
    rmSync(mount, { recursive: true, force: true });
  }
}

const refusals = (finished: Finished): string[] => finished.stdout.split("\n").filter((line) => line.startsWith("refuse ")).map((line) => line.split(" ").slice(1, 3).join(" "));

inParallel("preflight", () => {
  underEachShell("a machine that has everything is accepted, and nothing is left on its storage", async (rig, t) => {
    if (!otherDevice) {
      t.skip("/dev/shm is no device of its own here");
      return;
    }
    await onOtherDevice(rig, async (_mount, preflight) => {
      const seen = await preflight();
      assert.equal(seen.code, 0, seen.stdout);
      assert.deepEqual(seen.stdout.trimEnd().split("\n").map((line) => line.split(" ").slice(0, 2).join(" ")), ["ok mount", "ok bytes", "ok inodes", "ok memory", "ok programs", "ok rsync", "ok tmux", "ok python", "ok gpu"]);
    });
  });

  underEachShell("a mount point that is only a folder of the own disk is refused", async (rig, t) => {
    if (statSync(rig.root).dev !== statSync("/").dev) {
      t.skip("the folder for temporary files is not on the root's device here");
      return;
    }
    const seen = await rig.run("preflight.sh", argumentsOf({ mount: rig.mount }));
    assert.equal(seen.code, 3);
    assert.match(seen.stdout, /^refuse mount LAM2 .* is a folder of the instance's own disk/m);
    assert.deepEqual(readdirSync(rig.mount), []);
  });

  underEachShell("a share bound from the same device is a mount", async (rig, t) => {
    if (!namespaces) {
      t.skip("unprivileged mounts are switched off here");
      return;
    }
    const share = join(rig.root, "a share");
    const mount = join(rig.root, "mount point");
    for (const folder of [share, mount]) mkdirSync(folder);
    const seen = await rig.launch("unshare", ["-Urm", rig.shell, "-c", 'mount --bind "$1" "$2" || exit 99; shift; shift; exec "$@"', "sh", share, mount, rig.shell, join(projectRoot, "remote", "preflight.sh"), ...argumentsOf({ mount })]).closed;
    assert.match(seen.stdout, /^ok mount /m);
    assert.equal(seen.code, 0, seen.stdout);
  });

  underEachShell("storage that is absent, or beside the run, is refused", async (rig, t) => {
    assert.deepEqual(refusals(await rig.run("preflight.sh", argumentsOf({ mount: join(rig.root, "nowhere") }))).slice(0, 2), ["mount LAM2", "bytes U6"]);
    if (!otherDevice) {
      t.skip("/dev/shm is no device of its own here");
      return;
    }
    await onOtherDevice(rig, async (mount, preflight) => {
      for (const run of ["/home/ubuntu/holdfast/p/s/r", `${mount}2/holdfast/p/s/r`, mount, `${mount}/../elsewhere`]) {
        assert.deepEqual(refusals(await preflight({ run })), ["mount LAM1"], run);
      }
    });
  });

  underEachShell("storage that does not keep what is written is refused", async (rig, t) => {
    if (!otherDevice) {
      t.skip("/dev/shm is no device of its own here");
      return;
    }
    rig.stub("sync", 'case "$*" in *holdfast-probe*) echo "sync: error syncing: Input/output error" >&2; exit 1 ;; esac; exec /bin/sync "$@"');
    await onOtherDevice(rig, async (_mount, preflight) => {
      const seen = await preflight();
      assert.deepEqual(refusals(seen), ["mount U33"]);
      assert.match(seen.stdout, /cannot be flushed: .*Input\/output error/);
    });
  });

  underEachShell("too little room, inodes or memory is refused with the numbers", async (rig, t) => {
    if (!otherDevice) {
      t.skip("/dev/shm is no device of its own here");
      return;
    }
    await onOtherDevice(rig, async (_mount, preflight) => {
      assert.deepEqual(refusals(await preflight({ bytes: "999999999999999999", inodes: "999999999999999999", memory: "999999999999999999" })), ["bytes U6", "inodes U7", "memory U9"]);
      assert.equal((await preflight({ bytes: "", inodes: "", gpus: "", memory: "" })).code, 0);
      assert.equal((await preflight({ bytes: "10G" })).code, 40);
    });
  });

  underEachShell("an interpreter that is missing is refused, one that is not needed is not", async (rig, t) => {
    if (!otherDevice) {
      t.skip("/dev/shm is no device of its own here");
      return;
    }
    rig.stub("working-python", "echo 3.12.1");
    await onOtherDevice(rig, async (_mount, preflight) => {
      assert.deepEqual(refusals(await preflight({ python: "python-that-is-not-there" })), ["python U29"]);
      assert.match((await preflight({ python: "working-python" })).stdout, /^ok python working-python is 3\.12\.1$/m);
    });
  });

  underEachShell("a GPU that is absent, too few, fallen off the bus or unusable is refused", async (rig, t) => {
    if (!otherDevice) {
      t.skip("/dev/shm is no device of its own here");
      return;
    }
    await onOtherDevice(rig, async (_mount, preflight) => {
      if (spawnSync("nvidia-smi").error !== undefined) assert.deepEqual(refusals(await preflight({ gpus: "1" })), ["gpu U31"]);
      rig.stub("python-with-cuda", 'case $2 in *cuInit*) echo "$3 seen by CUDA driver" ;; *) echo 3.12.1 ;; esac');
      rig.stub("python-without", 'case $2 in *cuInit*) echo "OSError: libcuda.so.1: cannot open shared object file" >&2; exit 1 ;; *) echo 3.12.1 ;; esac');
      rig.stub("nvidia-smi", "echo 'Unable to determine the device handle: GPU is lost'; exit 15");
      assert.deepEqual(refusals(await preflight({ gpus: "1", python: "python-with-cuda" })), ["gpu U22"]);
      rig.stub("nvidia-smi", "echo 'GPU 0: NVIDIA A10 (UUID: GPU-1)'");
      assert.deepEqual(refusals(await preflight({ gpus: "2", python: "python-with-cuda" })), ["gpu U31"]);
      const broken = await preflight({ gpus: "1", python: "python-without" });
      assert.deepEqual(refusals(broken), ["gpu U28"]);
      assert.match(broken.stdout, /libcuda\.so\.1: cannot open/);
      const fine = await preflight({ gpus: "1", python: "python-with-cuda" });
      assert.equal(fine.code, 0, fine.stdout);
      assert.match(fine.stdout, /^ok gpu 1 seen by CUDA driver$/m);
    });
  });

  underEachShell("the programs that a run stands on are looked for", async (rig, t) => {
    if (!otherDevice) {
      t.skip("/dev/shm is no device of its own here");
      return;
    }
    // A PATH with only what preflight itself calls: no tmux, no rsync, no setsid.
    const bare = join(rig.root, "bare");
    mkdirSync(bare);
    for (const name of ["sh", "dirname", "cat", "date", "stat", "awk", "sed", "sync", "mkdir", "rm", "mv", "cp", "tr", "sha256sum", "find", "xargs", "sort", "grep", "od", "timeout", "head", "tail"]) {
      writeFileSync(join(bare, name), `#!${rig.shell}\nPATH=/usr/bin:/bin exec ${name} "$@"\n`, { mode: 0o755 });
    }
    await onOtherDevice(rig, async (mount) => {
      const seen = await rig.run("preflight.sh", argumentsOf({ mount }), { PATH: bare });
      assert.deepEqual(refusals(seen), ["programs U29", "rsync GEN3", "tmux GEN2"]);
      assert.match(seen.stdout, /not installed: setsid$/m);
    });
  });
});
