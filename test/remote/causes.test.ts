/** Why a cell failed, from real evidence of the machine; and that only what may pass by itself is tried again by itself. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inParallel, kill, projectRoot, until, underEachShell, type CellFile, type Rig } from "./rig";

const namespaces = spawnSync("unshare", ["-Urm", "true"]).status === 0;
const waits = (rig: Rig): string => `: >"${rig.root}/runs-$HOLDFAST_ATTEMPT"; until [ -e "${rig.root}/go" ]; do sleep 0.05; done\n`;
const runs = (rig: Rig, attempt = 1): Promise<number> => until("the payload to run", () => existsSync(join(rig.root, `runs-${attempt}`)) && rig.cellIfThere("a")?.pid);
const verdictOf = ({ class: why, certainty, attempt }: CellFile): unknown[] => [why, certainty, attempt];
const queueScript = (rig: Rig): string[] => [rig.shell, join(projectRoot, "remote", "run_queue.sh"), rig.runDirectory, rig.spec, rig.code];

/** A memory cgroup of our own with a limit, or null where none can be made. */
function memoryGroup(limitBytes: number): { readonly enter: string; readonly remove: () => void } | null {
  for (const line of readFileSync("/proc/self/cgroup", "utf8").trim().split("\n")) {
    const [, controllers = "", group = ""] = line.split(":");
    const v1 = controllers.split(",").includes("memory");
    if (!v1 && controllers !== "") continue;
    const path = join("/sys/fs/cgroup", v1 ? "memory" : "", group, `holdfast-test-${process.pid}-${Math.random().toString(36).slice(2)}`);
    try {
      mkdirSync(path);
      const limit = join(path, v1 ? "memory.limit_in_bytes" : "memory.max");
      if (existsSync(limit)) {
        writeFileSync(limit, String(limitBytes));
        return { enter: join(path, "cgroup.procs"), remove: () => { rmdirSync(path); } };
      }
      rmdirSync(path);
    } catch {
      // Not ours to make; the next line may be.
    }
  }
  return null;
}

inParallel("causes", () => {
  underEachShell("the kernel kills for memory: said by the cgroup's own counter, and not tried again", async (rig, t) => {
    const group = memoryGroup(96 * 1024 * 1024);
    if (group === null) {
      t.skip("no memory cgroup can be made here, so the kernel cannot be made to kill for memory");
      return;
    }
    // Cleaning up of the rig comes first: a group with processes cannot be removed.
    t.after(() => until("the group to be empty", () => { group.remove(); return true; }).catch(() => undefined));
    rig.writeSpec({ a: { command: `exec python3 -c "x = b'x' * (1 << 30)"\n` }, b: { command: "exit 0\n" } });
    const queue = rig.launch(rig.shell, ["-c", 'echo $$ >"$1"; shift; exec "$@"', "sh", group.enter, ...queueScript(rig)]);
    assert.equal((await queue.finished).code, 10);
    assert.deepEqual([...verdictOf(rig.cell("a")), rig.cell("a").exit], ["outOfHostMemory", "measured", 1, 137]);
    assert.ok(rig.cell("a").evidence.some((line) => /the cgroup counted 1 kill\(s\) for memory/.test(line)), rig.cell("a").evidence.join("\n"));
    assert.equal(rig.cell("b").state, "complete");
  });

  underEachShell("somebody kills the payload: it is not started again behind his back", async (rig) => {
    rig.writeSpec({ a: { command: waits(rig) } });
    const queue = rig.queue();
    kill(-(await runs(rig)));
    assert.equal((await queue.finished).code, 10);
    assert.deepEqual(verdictOf(rig.cell("a")), ["killedByHand", "probable", 1]);
    assert.ok(rig.cell("a").evidence.includes("ended by signal 9 (KILL)"));
    writeFileSync(join(rig.root, "go"), "");
    assert.equal((await rig.queue().finished).code, 10, "nor by a later queue");
    assert.equal(rig.cell("a").attempt, 1);
    await rig.run("order.sh", [rig.runDirectory, rig.spec, "retry", "0", "a"]);
    assert.equal((await rig.queue().finished).code, 0);
  });

  underEachShell("where neither the cgroup nor the kernel can be asked, a kill has no name", async (rig, t) => {
    if (!namespaces) {
      t.skip("unprivileged mounts are switched off here, so the cgroup cannot be hidden");
      return;
    }
    rig.writeSpec({ a: { command: "kill -9 $$\n" } });
    for (const program of ["dmesg", "sudo", "journalctl"]) rig.stub(program, "exit 1");
    const queue = rig.launch("unshare", ["-Urm", rig.shell, "-c", 'mount -t tmpfs tmpfs /sys/fs/cgroup || exit 99; exec "$@"', "sh", ...queueScript(rig)]);
    assert.equal((await queue.finished).code, 10);
    assert.deepEqual(verdictOf(rig.cell("a")), ["unknown", "probable", 1]);
    assert.ok(rig.cell("a").evidence.includes("the kernel log cannot be read here"));
  });

  underEachShell("a wrong program is a wrong program: an exit code, a crash, and what it prints is a hint only", async (rig) => {
    rig.writeSpec({
      exits: { command: "echo Traceback; exit 3\n" },
      crashes: { command: "kill -SEGV $$\n" },
      gpu: { command: 'echo "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate \\"2.00\\" GiB"; exit 1\n' },
      disk: { command: "echo 'OSError: [Errno 28] No space left on device'; exit 1\n" },
      memory: { command: "echo 'RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.'; exit 1\n" },
      liar: { command: "echo 'CUDA out of memory'; exit 0\n" },
    });
    rig.stub("dmesg", 'echo "[99999999.000000] NVRM: Xid (PCI:0000:01:00): 31, pid=1, name=python3, MMU Fault"');
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(["exits", "crashes", "gpu", "disk", "memory"].map((name) => verdictOf(rig.cell(name))), [
      ["codeError", "probable", 1],
      ["codeError", "probable", 1],
      ["outOfGpuMemory", "hint", 1],
      ["diskFull", "hint", 1],
      ["outOfHostMemory", "hint", 1],
    ]);
    assert.equal(rig.cell("liar").state, "complete");
    assert.ok(rig.cell("gpu").evidence.some((line) => line.startsWith("hint, printed by the program: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate '2.00'")));
    // The states stay readable, whatever a program prints.
    assert.equal((await rig.status()).cells.every(({ state }) => state !== "unreadable"), true);
  });

  underEachShell("a hint of an earlier attempt does not explain a later one", async (rig) => {
    rig.writeSpec({ a: { command: '[ "$HOLDFAST_ATTEMPT" = 1 ] && echo "CUDA out of memory"; exit 1\n' } });
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(rig.cell("a").class, "outOfGpuMemory");
    await rig.run("order.sh", [rig.runDirectory, rig.spec, "retry", "0", "a"]);
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(verdictOf(rig.cell("a")), ["codeError", "probable", 2]);
  });

  underEachShell("a GPU that fell off the bus, vanished or miscounts is hardware, and tried again within the bound", async (rig) => {
    const smi = (before: string, after: string): void => {
      rig.stub("nvidia-smi", `case "$*" in *uuid*) ;; *) exit 1 ;; esac
if [ -e "${rig.root}/broken" ]; then ${after}; else ${before}; fi`);
    };
    const two = "printf 'GPU-1, 0\\nGPU-2, 0\\n'";
    const breaks = { command: `: >"${rig.root}/broken"; exit 1\n` };
    for (const [after, evidence] of [["printf 'GPU-1, 0\\n'", /lists 1 GPUs, before it listed 2/], ["exit 9", /does not answer any more/], ["printf 'GPU-1, 0\\nGPU-2, 4\\n'", /rose to: GPU-1, 0;GPU-2, 4/]] as const) {
      rmSync(join(rig.root, "broken"), { force: true });
      rmSync(rig.inRun("state", "cells"), { recursive: true, force: true });
      smi(two, after);
      rig.writeSpec({ a: breaks }, { limits: { max_retries: 0 } });
      assert.equal((await rig.queue().finished).code, 10);
      assert.deepEqual(verdictOf(rig.cell("a")), ["hardware", "probable", 1]);
      assert.ok(rig.cell("a").evidence.some((line) => evidence.test(line)), rig.cell("a").evidence.join("\n"));
    }
    rmSync(rig.inRun("state", "cells"), { recursive: true });
    rig.stub("nvidia-smi", two);
    rig.breakGpu();
    rig.writeSpec({ a: { command: "exit 1\n" } });
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual([...verdictOf(rig.cell("a")), rig.cell("a").retries], ["hardware", "probable", 3, 2]);
    assert.match(rig.read("logs", "queue.log"), /hardware again; it was tried again 2 times without a new checkpoint/);
  });

  underEachShell("tries that bring a checkpoint forward are not counted against the cell", async (rig) => {
    rig.breakGpu();
    rig.writeSpec({ a: { command: 'sleep 0.1; echo "$HOLDFAST_ATTEMPT" >"$HOLDFAST_CHECKPOINT_DIR/step-$HOLDFAST_ATTEMPT"; [ "$HOLDFAST_ATTEMPT" = 5 ]\n' } }, { limits: { max_retries: 1 } });
    assert.equal((await rig.queue().finished).code, 0);
    assert.deepEqual([rig.cell("a").attempt, rig.cell("a").retries], [5, 0]);
  });

  underEachShell("a disk that is full, in bytes or in files, is measured", async (rig, t) => {
    if (!namespaces) {
      t.skip("unprivileged mounts are switched off here, so no small disk can be made");
      return;
    }
    const fails: readonly [string, string, Record<string, number>, string][] = [
      ["size=1m", 'head -c 900000 /dev/zero >"$HOLDFAST_OUTPUT_DIR/fill"; exit 1\n', { bytes_floor: 262_144 }, "diskFull"],
      ["size=4m,nr_inodes=80", 'i=0; while [ $i -lt 200 ]; do : >"$HOLDFAST_OUTPUT_DIR/f$i" || exit 1; i=$((i + 1)); [ "$(stat -f -c %d "$HOLDFAST_OUTPUT_DIR")" -gt 12 ] || exit 1; done\n', { inodes_floor: 20 }, "inodesFull"],
    ];
    for (const [options, command, limits, expected] of fails) {
      rig.writeSpec({ a: { command } }, { limits });
      const out = join(rig.root, `${expected}.json`);
      const script = 'mount -t tmpfs -o "$1" tmpfs "$2" || exit 99; out=$3; run=$4; shift 4; "$@"; code=$?; cat "$run/state/cells/a.json" >"$out"; exit $code';
      const queue = rig.launch("unshare", ["-Urm", rig.shell, "-c", script, "sh", options, rig.mount, out, rig.runDirectory, ...queueScript(rig)]);
      assert.equal((await queue.finished).code, 10);
      const cell = JSON.parse(readFileSync(out, "utf8")) as CellFile;
      assert.deepEqual(verdictOf(cell), [expected, "measured", 1], cell.evidence.join("\n"));
      assert.ok(cell.evidence.some((line) => line.includes(`are free on ${rig.runDirectory}`)));
    }
  });

  underEachShell("a cell that was not started for want of room says of what", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } }, { limits: { inodes_floor: "999999999999999999" } });
    assert.equal((await rig.queue().finished).code, 20);
    assert.deepEqual([rig.cell("a").class, rig.cell("a").cause], ["inodesFull", "gate"]);
    rig.writeSpec({ a: { command: "echo hello\r\n" } });
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual([rig.cell("a").class, rig.cell("a").cause], ["setup", "setup"]);
  });

  underEachShell("a reboot or another machine under a cell is told apart, resumed, and bounded without progress", async (rig) => {
    const cutOff = async (attempt: number, change: (state: string, lock: string) => readonly [string, string]): Promise<void> => {
      const queue = rig.queue();
      await runs(rig, attempt);
      kill(-queue.pid);
      await queue.finished;
      for (const pid of rig.jobProcesses()) kill(pid);
      await until("the payload to end", () => rig.jobProcesses().length === 0);
      const [state, lock] = change(rig.read("state", "cells", "a.json"), rig.read("lock", "writer"));
      writeFileSync(rig.inRun("state", "cells", "a.json"), state);
      writeFileSync(rig.inRun("lock", "writer"), lock);
    };
    const otherBoot = (text: string): string => text.replace(/"bootId":"[^"]*"/, '"bootId":"00000000-0000-0000-0000-000000000000"');
    rig.writeSpec({ a: { command: waits(rig) } });
    await cutOff(1, (state, lock) => [otherBoot(state), otherBoot(lock)]);
    await cutOff(2, (state, lock) => [otherBoot(state), otherBoot(lock).replace(/"machineId":"[^"]*"/, '"machineId":"another"').replace(/"host":"[^"]*"/, '"host":"old-box"')]);
    assert.deepEqual([rig.cell("a").class, rig.cell("a").retries], ["reboot", 1]);
    assert.ok(rig.cell("a").evidence[0]?.startsWith("boot id 00000000-"));
    await cutOff(3, (state, lock) => [state, lock]);
    assert.deepEqual([rig.cell("a").class, rig.cell("a").retries, rig.cell("a").evidence[1]], ["instanceLost", 2, "it ran on another machine (old-box)"]);
    await cutOff(4, (state, lock) => [otherBoot(state), otherBoot(lock)]);
    assert.deepEqual([rig.cell("a").class, rig.cell("a").retries], ["interrupted", 2]);
    // The third time that its machine went without a new checkpoint.
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").class, rig.cell("a").attempt], ["failed", "reboot", 4]);
    writeFileSync(join(rig.root, "go"), "");
    await rig.run("order.sh", [rig.runDirectory, rig.spec, "retry", "0", "a"]);
    assert.equal((await rig.queue().finished).code, 0);
    assert.deepEqual([rig.cell("a").attempt, rig.cell("a").retries], [5, 0]);
  });
});
