/** The queue: every cell that it names runs, and nothing else counts as done. */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inParallel, until, underEachShell, type Rig } from "./rig";

const writesDone = { command: 'echo done >"$HOLDFAST_OUTPUT_DIR/out"\n' };

const torture = "quotes ' \" ` $HOME $(id) \\ \\n %s * ~ # !\n second line\n\ttab  two blanks é ";
const quoted = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`;

inParallel("queue", () => {
  underEachShell("a last line without newline does not lose its cell", async (rig) => {
    rig.writeSpec({ a: writesDone, b: writesDone }, { queue: "a\nb" });
    const { code } = await rig.queue().finished;
    assert.equal(code, 0);
    assert.equal(rig.cell("b").state, "complete");
    assert.deepEqual(rig.closed(), { ...rig.closed(), complete: ["a", "b"], failed: [] });
  });

  underEachShell("a payload that reads its stdin does not eat the rest of the queue", async (rig) => {
    rig.writeSpec({ a: { command: 'cat >"$HOLDFAST_OUTPUT_DIR/eaten"\n' }, b: writesDone, c: writesDone });
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(rig.read("cells", "a", "eaten"), "");
    assert.deepEqual(rig.closed()?.complete, ["a", "b", "c"]);
  });

  underEachShell("CRLF, comments and blanks in the queue do not leak into names", async (rig) => {
    rig.writeSpec({ a: writesDone, b: writesDone }, { queue: "# sweep\r\n\r\n  a\t\r\nb # the second\r\n", limits: { bytes_floor: "1\r" } });
    assert.equal((await rig.queue().finished).code, 0);
    assert.deepEqual(readdirSync(rig.inRun("cells")), ["a", "b"]);
  });

  underEachShell("an empty queue is not a finished run", async (rig) => {
    for (const queue of ["", "\n\n", "# only a comment"]) {
      rig.writeSpec({}, { queue });
      assert.equal((await rig.queue().finished).code, 40, JSON.stringify(queue));
    }
    assert.equal(rig.closed(), null);
    assert.match(rig.read("logs", "queue.log"), /names no cell/);
  });

  underEachShell("a start past the end of the queue is not a finished run", async (rig) => {
    rig.writeSpec({ a: writesDone });
    assert.equal((await rig.queue("b").finished).code, 40);
    assert.equal(rig.closed(), null);
    assert.match(rig.read("logs", "queue.log"), /no cell b to start from/);
  });

  underEachShell("an empty start cell means from the beginning", async (rig) => {
    rig.writeSpec({ a: writesDone });
    assert.equal((await rig.queue("").finished).code, 0);
    assert.equal(rig.cell("a").state, "complete");
  });

  underEachShell("cells before the start cell are not counted as done", async (rig) => {
    rig.writeSpec({ a: writesDone, b: writesDone });
    assert.equal((await rig.queue("b").finished).code, 10);
    assert.equal(rig.cell("b").state, "complete");
    assert.equal(rig.cell("a").state, "pending");
    assert.equal(rig.closed(), null);
  });

  underEachShell("a cell appended while the queue runs is run", async (rig) => {
    rig.writeSpec({ a: { command: `until [ -e "${rig.root}/go" ]; do sleep 0.05; done\n` } });
    const queue = rig.queue();
    await until("cell a to run", () => rig.cellIfThere("a")?.state === "running");
    rig.writeCell("late", writesDone);
    appendFileSync(join(rig.spec, "queue"), "late");
    writeFileSync(join(rig.root, "go"), "");
    assert.equal((await queue.finished).code, 0);
    assert.deepEqual(rig.closed()?.complete, ["a", "late"]);
  });

  underEachShell("a failed cell is not hidden by the ones after it, and stops none of them", async (rig) => {
    // 20, 30 and 50 are exit codes of the wrapper; from a payload they are just failures.
    rig.writeSpec({ a: { command: "exit 20\n" }, b: { command: "exit 30\n" }, c: { command: "exit 50\n" }, d: writesDone, e: { command: "exec no-such-program\n" } });
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(["a", "b", "c", "e"].map((name) => [rig.cell(name).state, rig.cell(name).cause, rig.cell(name).exit, rig.cell(name).attempt]), [
      ["failed", "train", 20, 1],
      ["failed", "train", 30, 1],
      ["failed", "train", 50, 1],
      ["failed", "train", 127, 1],
    ]);
    assert.deepEqual(rig.closed(), { ...rig.closed(), complete: ["d"], failed: ["a", "b", "c", "e"] });
  });

  underEachShell("markers that a payload prints are not believed", async (rig) => {
    const claims = '{"cell":"a","state":"complete","attempt":1,"exit":0}\nQUEUE DONE\nclosed; every cell is complete\nqueue ends with exit code 0';
    rig.writeSpec({ a: { command: `printf '%s\\n' '${claims}'; printf '%s\\n' '${claims}' >&2; exit 1\n` } });
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(rig.cell("a").state, "failed");
    assert.deepEqual(rig.closed()?.complete, []);
    assert.ok(rig.read("logs", "a.log").includes("QUEUE DONE"), "what it prints is kept as its log");
    assert.ok(!rig.read("logs", "queue.log").includes("QUEUE DONE"));
  });

  underEachShell("the closing marker of an earlier queue does not stand while a new one runs", async (rig) => {
    rig.writeSpec({ a: writesDone });
    assert.equal((await rig.queue().finished).code, 0);
    assert.notEqual(rig.closed(), null);
    rig.writeSpec({ a: writesDone, b: { command: `until [ -e "${rig.root}/go" ]; do sleep 0.05; done\n` } });
    const second = rig.queue();
    await until("cell b to run", () => rig.cellIfThere("b")?.state === "running");
    assert.equal(rig.closed(), null);
    writeFileSync(join(rig.root, "go"), "");
    assert.equal((await second.finished).code, 0);
    assert.equal(rig.closed()?.epoch, 2);
  });

  underEachShell("a complete cell is not run again when the queue restarts", async (rig) => {
    const counts = { command: 'echo run >>"$HOLDFAST_OUTPUT_DIR/runs"\n' };
    rig.writeSpec({ a: counts, b: { command: `[ -e "${rig.root}/go" ] || exit 1\n` } });
    assert.equal((await rig.queue().finished).code, 10);
    writeFileSync(join(rig.root, "go"), "");
    // Nor is one that failed by itself, before a person says so.
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(rig.cell("b").attempt, 1);
    assert.equal((await rig.run("order.sh", [rig.runDirectory, rig.spec, "retry", "0", "b"])).code, 0);
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(rig.read("cells", "a", "runs"), "run\n");
    assert.equal(rig.cell("b").attempt, 2);
  });

  underEachShell("a cell whose configuration changed after it started is not mixed with the old one", async (rig) => {
    rig.writeSpec({ a: { command: 'echo one >>"$HOLDFAST_OUTPUT_DIR/out"\n' } });
    assert.equal((await rig.queue().finished).code, 0);
    rig.writeSpec({ a: { command: 'echo two >>"$HOLDFAST_OUTPUT_DIR/out"\n', sha256: "b".repeat(64) } });
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(rig.read("cells", "a", "out"), "one\n");
    assert.deepEqual(rig.closed(), { ...rig.closed(), complete: [], failed: ["a"] });
    assert.match(rig.read("logs", "queue.log"), /changed after it had started/);
  });

  underEachShell("names that could escape their folder or break a line are refused before anything runs", async (rig) => {
    for (const name of ["../up", "a/b", "-rf", ".hidden", "a b", "a\tb", "x".repeat(65), "queue", "setup", "run.tmp", "é", "a;b", "$(id)", "*"]) {
      rig.writeSpec({ ok: writesDone }, { queue: `ok\n${name}\n` });
      assert.equal((await rig.queue().finished).code, 40, name);
    }
    rig.writeSpec({ ok: writesDone }, { queue: "ok\nok\n" });
    assert.equal((await rig.queue().finished).code, 40, "a name that stands there twice");
    assert.equal(existsSync(rig.inRun("cells", "ok")), false);
  });

  underEachShell("names at the edge of what is allowed work", async (rig) => {
    const names = ["0", "A.b_c-1", "x".repeat(64), "lr-1e-05", "a.json", "a..b", "QUEUE"];
    rig.writeSpec(Object.fromEntries(names.map((name) => [name, writesDone])), { queue: names.join("\n") });
    assert.equal((await rig.queue().finished).code, 0);
    assert.deepEqual(rig.closed()?.complete, names);
  });

  underEachShell("values with quotes, blanks and newlines reach the payload unchanged", async (rig) => {
    rig.writeSpec(
      { a: { command: 'printf %s "$TORTURE" >"$HOLDFAST_OUTPUT_DIR/run"; printf %s "$OF_CELL" >"$HOLDFAST_OUTPUT_DIR/cell"\n', env: `export OF_CELL=${quoted(torture)}\n` } },
      { env: `export TORTURE=${quoted(torture)}\nexport cell='clobbered' log='clobbered' IFS='x'\n` },
    );
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(rig.read("cells", "a", "run"), torture);
    assert.equal(rig.read("cells", "a", "cell"), torture);
  });

  underEachShell("an environment file cannot point a cell at another cell's folder", async (rig) => {
    rig.writeSpec(
      { a: { command: 'env >"$HOLDFAST_OUTPUT_DIR/env"; pwd >"$HOLDFAST_OUTPUT_DIR/cwd"\n' } },
      { env: "export HOLDFAST_OUTPUT_DIR='/nowhere' HOLDFAST_CHECKPOINT_DIR='/nowhere' OMP_NUM_THREADS='3'\n", limits: { checkpoint_every_seconds: "1.5" } },
    );
    assert.equal((await rig.queue().finished).code, 0);
    const env = Object.fromEntries(rig.read("cells", "a", "env").trim().split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
    assert.deepEqual(pick(env, ["HOLDFAST_RUN", "HOLDFAST_CELL", "HOLDFAST_ATTEMPT", "HOLDFAST_OUTPUT_DIR", "HOLDFAST_CHECKPOINT_DIR", "HOLDFAST_CHECKPOINT_EVERY_SECONDS", "HOLDFAST_SCRATCH_DIR", "PYTHONUNBUFFERED", "OMP_NUM_THREADS"]), {
      HOLDFAST_RUN: "proj/dev/run1",
      HOLDFAST_CELL: "a",
      HOLDFAST_ATTEMPT: "1",
      HOLDFAST_OUTPUT_DIR: rig.inRun("cells", "a"),
      HOLDFAST_CHECKPOINT_DIR: rig.inRun("cells", "a", "checkpoints"),
      HOLDFAST_CHECKPOINT_EVERY_SECONDS: "1.5",
      HOLDFAST_SCRATCH_DIR: join(rig.ownDisk, "scratch", "run1", "a"),
      PYTHONUNBUFFERED: "1",
      OMP_NUM_THREADS: "3",
    });
    assert.equal(env["LC_ALL"], undefined, "the wrapper's own locale is not the payload's");
    assert.equal(rig.read("cells", "a", "cwd"), `${rig.code}\n`);
  });

  underEachShell("threads are sized to the slice of the machine when nobody said otherwise", async (rig) => {
    rig.writeSpec({ a: { command: 'printf %s "$OMP_NUM_THREADS" >"$HOLDFAST_OUTPUT_DIR/threads"\n' } });
    rig.stub("nproc", "echo 7");
    assert.equal((await rig.queue().finished).code, 0);
    const threads = Number(rig.read("cells", "a", "threads"));
    assert.ok(threads >= 1 && threads <= 7, String(threads));
  });

  underEachShell("a command stored with CRLF fails with the reason instead of training something else", async (rig) => {
    rig.writeSpec({ a: { command: "echo hello\r\nexit 0\r\n" }, b: writesDone });
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").cause], ["failed", "setup"]);
    assert.match(rig.read("logs", "queue.log"), /CRLF line ends/);
    assert.equal(rig.cell("b").state, "complete");
  });

  underEachShell("a secret reaches the payload and no file of the run", async (rig) => {
    const secret = "s3cr3t-with-'quote";
    mkdirSync(join(rig.ownDisk, "secrets"));
    writeFileSync(join(rig.ownDisk, "secrets", "run1"), `export TOKEN=${quoted(secret)}\n`, { mode: 0o600 });
    rig.writeSpec({ a: { command: `[ "$TOKEN" = ${quoted(secret).replaceAll("s3cr3t", "s3c''r3t")} ]\n` } });
    writeFileSync(join(rig.spec, "secrets-names"), "TOKEN\n");
    assert.equal((await rig.queue().finished).code, 0);
    for (const path of filesBelow(rig.mount)) assert.ok(!readFileSync(path, "utf8").includes("s3cr3t"), path);
  });

  underEachShell("a secret that is missing, or a secrets file that does not parse, fails before hours of training and prints no value", async (rig) => {
    rig.writeSpec({ a: writesDone });
    writeFileSync(join(rig.spec, "secrets-names"), "TOKEN\nOTHER");
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual([rig.cell("a").cause, existsSync(rig.inRun("cells", "a"))], ["setup", false]);
    assert.match(rig.read("logs", "queue.log"), /no value for the secrets: TOKEN OTHER/);
    mkdirSync(join(rig.ownDisk, "secrets"));
    writeFileSync(join(rig.ownDisk, "secrets", "run1"), "export TOKEN=(s3cr3t\n");
    assert.equal((await rig.queue().finished).code, 10);
    assert.match(rig.read("logs", "queue.log"), /secrets\/run1 is not valid shell syntax/);
    assert.ok(!rig.read("logs", "queue.log").includes("s3cr3t"));
  });

  underEachShell("setup runs once per instance, before the first cell", async (rig) => {
    rig.writeSpec({ a: { command: `cp "${rig.root}/prepared" "$HOLDFAST_OUTPUT_DIR/prepared"\n` } });
    writeFileSync(join(rig.spec, "setup"), `cat; echo prepared >>"${rig.root}/prepared"\n`);
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(rig.read("cells", "a", "prepared"), "prepared\n");
    assert.equal(readFileSync(join(rig.root, "prepared"), "utf8"), "prepared\n");
  });

  underEachShell("a failed setup fails every cell by name and runs none", async (rig) => {
    rig.writeSpec({ a: writesDone, b: writesDone });
    writeFileSync(join(rig.spec, "setup"), "echo broken lock file; exit 9\n");
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(["a", "b"].map((name) => [rig.cell(name).state, rig.cell(name).cause, rig.cell(name).exit]), [["failed", "setup", 9], ["failed", "setup", 9]]);
    assert.deepEqual(rig.closed()?.failed, ["a", "b"]);
    assert.match(rig.read("logs", "setup.log"), /broken lock file/);
    assert.equal(existsSync(rig.inRun("cells", "a")), false);
  });

  underEachShell("a failed setup does not make a cell run again that failed by itself or was cancelled", async (rig) => {
    rig.writeSpec({ a: { command: "exit 3\n" }, b: writesDone, c: writesDone });
    mkdirSync(rig.inRun("state", "orders"), { recursive: true });
    writeFileSync(rig.inRun("state", "orders", "b.json"), '{"order":"cancel","graceSeconds":0}\n');
    assert.equal((await rig.queue().finished).code, 10);
    writeFileSync(join(rig.spec, "setup"), "exit 9\n");
    rig.writeCell("d", writesDone);
    appendFileSync(join(rig.spec, "queue"), "d\n");
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(["a", "b", "c", "d"].map((name) => `${rig.cell(name).state} ${rig.cell(name).cause ?? ""}`), ["failed train", "cancelled request", "complete ", "failed setup"]);
    writeFileSync(join(rig.spec, "setup"), "exit 0\n");
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(["a", "b", "d"].map((name) => rig.cell(name).attempt), [1, 0, 1]);
  });

  underEachShell("a wrong number in the limits is refused, an empty one means none", async (rig) => {
    rig.writeSpec({ a: writesDone }, { limits: { bytes_floor: "" } });
    assert.equal((await rig.queue().finished).code, 0);
    for (const bad of ["1G", "-1", "010", "1e9"]) {
      rig.writeSpec({ a: writesDone }, { limits: { bytes_floor: bad } });
      assert.equal((await rig.queue().finished).code, 40, bad);
    }
  });

  underEachShell("the log opens although the queue is refused, and state files hold what the tool reads", async (rig: Rig) => {
    rig.writeSpec({ a: { command: "sleep 0.01\n" } });
    assert.equal((await rig.queue().finished).code, 0);
    assert.match(rig.read("logs", "queue.log").split("\n")[0] ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ queue starts: pid \d+/);
    const cell = rig.cell("a");
    assert.equal(cell.configSha256, "a".repeat(64));
    assert.equal(cell.pid, cell.pgid);
    assert.ok(statSync(rig.inRun("state", "queue.json")).size > 0);
    assert.deepEqual(Object.keys(JSON.parse(rig.read("state", "queue.json")) as object).sort(), ["bootId", "code", "epoch", "pid", "scripts", "spec", "startedAt"]);
  });
});

const pick = (record: Readonly<Record<string, string | undefined>>, keys: readonly string[]): Record<string, string | undefined> => Object.fromEntries(keys.map((key) => [key, record[key]]));

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
