/** Inputs: whole, of the expected content, once, within bounds, or the cell says why not. */
import assert from "node:assert/strict";
import { randomBytes, createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { OriginServer } from "./originServer";
import { inParallel, kill, lives, underEachShell, until, type Rig } from "./rig";

const sha256 = (content: Buffer | string): string => createHash("sha256").update(content).digest("hex");

interface InputSpec {
  readonly kind: "url" | "bucket" | "instance" | "local";
  readonly source?: string;
  readonly mode?: string;
  readonly sha256?: string;
  readonly file?: string;
  readonly maxSeconds?: number;
  readonly token?: string;
  readonly bytes?: number;
  /** Path on the instance, for what is only mounted. */
  readonly target?: string;
}

interface InputState {
  readonly state: string;
  readonly why: string | null;
  readonly sha256: string | null;
  readonly bytes: number | null;
}

/** Writes the input's files of the spec and lets `cells` read it. Returns the path that the payload will be given. */
function giveInput(rig: Rig, name: string, input: InputSpec, cells: readonly string[]): string {
  const folder = input.mode === "cached" ? join(rig.mount, ".cache", "holdfast", "inputs") : join(rig.ownDisk, "inputs");
  const entry = join(folder, input.sha256?.slice(0, 32) ?? `from-${sha256(input.source ?? "").slice(0, 24)}`);
  const target = input.target ?? join(entry, input.file ?? "data.bin");
  const lines = {
    kind: input.kind, mode: input.mode ?? "copy", target, python: "python3", max_seconds: input.maxSeconds ?? 120,
    ...(input.mode === "mount" ? {} : { entry }),
    ...(input.source === undefined ? {} : { source: input.source }),
    ...(input.sha256 === undefined ? {} : { sha256: input.sha256 }),
    ...(input.token === undefined ? {} : { token: input.token }),
    ...(input.bytes === undefined ? {} : { bytes: input.bytes }),
    ...(input.kind === "local" ? { pushed: `${entry}.pushed-1` } : {}),
  };
  mkdirSync(join(rig.spec, "inputs"), { recursive: true });
  writeFileSync(join(rig.spec, "inputs", name), Object.entries(lines).map(([key, value]) => `${key}=${value}\n`).join(""));
  writeFileSync(join(rig.spec, "inputs", `${name}.env`), `export HOLDFAST_INPUT_${name.toUpperCase()}='${target}'\n`);
  for (const cell of cells) writeFileSync(join(rig.spec, "cells", cell, "inputs"), `${name}\n`, { flag: "a" });
  return target;
}

const inputState = (rig: Rig, name: string): InputState => JSON.parse(rig.read("state", "inputs", `${name}.json`)) as InputState;
const inputStateIfThere = (rig: Rig, name: string): InputState | null => (rig.readIfThere("state", "inputs", `${name}.json`) === null ? null : inputState(rig, name));

/** Copies what it was given, so that the test sees what the payload saw. */
const copiesInput = { command: 'cp "$HOLDFAST_INPUT_DATA" "$HOLDFAST_OUTPUT_DIR/seen"\n' };

const megabytes = (count: number): Buffer => randomBytes(count * 1024 * 1024);

async function ownOrigin(t: { after: (hook: () => Promise<void>) => void }): Promise<OriginServer> {
  const server = await OriginServer.start();
  t.after(() => server.stop());
  return server;
}

inParallel("inputs", () => {
  underEachShell("a cell reads what its URL holds, and two cells fetch it once", async (rig, t) => {
    const server = await ownOrigin(t);
    const content = megabytes(1);
    rig.writeSpec({ a: copiesInput, b: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/digits.csv.gz`, sha256: server.put("/digits.csv.gz", content), file: "digits.csv.gz" }, ["a", "b"]);
    assert.equal((await rig.queue().finished).code, 0, rig.readIfThere("logs", "queue.log") ?? "");
    for (const cell of ["a", "b"]) assert.ok(readFileSync(rig.inRun("cells", cell, "seen")).equals(content));
    assert.deepEqual(server.requests.map(({ path, status }) => [path, status]), [["/digits.csv.gz", 200]]);
    assert.deepEqual(inputState(rig, "data"), { ...inputState(rig, "data"), state: "ready", why: null, sha256: sha256(content), bytes: content.length });
  });

  underEachShell("a fetch that is cut again and again goes on from what has arrived", async (rig, t) => {
    const server = await ownOrigin(t);
    const content = megabytes(4);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: server.put("/x", content) }, ["a"]);
    Object.assign(server, { cutAfterBytes: 1024 * 1024, cuts: 3 });
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.ok(readFileSync(rig.inRun("cells", "a", "seen")).equals(content));
    assert.equal(server.requests.length, 4);
    assert.ok(server.requests.slice(1).every(({ range, status }) => range !== null && status === 206));
    const again = server.requests.reduce((sum, { sent }) => sum + sent, 0) - content.length;
    assert.ok(again <= 1024 * 1024, `${again} bytes were sent twice`);
  });

  underEachShell("a queue killed while it fetches leaves no second fetcher, and the next one goes on from what has arrived", async (rig, t) => {
    const server = await ownOrigin(t);
    const content = megabytes(3);
    rig.writeSpec({ a: copiesInput });
    const target = giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: server.put("/x", content), file: "x" }, ["a"]);
    server.stallAfterBytes = 2 * 1024 * 1024;
    const queue = rig.queue();
    const part = join(`${dirname(target)}.work`, "entry", "x.partial");
    await until("two thirds to arrive", () => existsSync(part) && statSync(part).size === server.stallAfterBytes);
    const fetchers = rig.jobProcesses();
    kill(queue.pid);
    await queue.finished;
    assert.ok(fetchers.length > 0 && fetchers.some(lives), "the fetch outlives the queue that was killed, which is what the next one must end");
    assert.ok(!existsSync(target), "nothing half-fetched has the input's name");
    server.stallAfterBytes = null;
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.ok(readFileSync(rig.inRun("cells", "a", "seen")).equals(content));
    assert.deepEqual(server.requests.map(({ range, sent }) => [range, sent]), [[null, 2 * 1024 * 1024], [`bytes=${2 * 1024 * 1024}-`, 1024 * 1024]]);
    assert.ok(!fetchers.some(lives));
  });

  underEachShell("wrong content is thrown away: the cell fails with the cause and no payload ever sees it", async (rig, t) => {
    const server = await ownOrigin(t);
    const content = megabytes(1);
    server.put("/x", content);
    rig.writeSpec({ a: copiesInput, b: copiesInput, c: { command: "true\n" } });
    const target = giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: "0".repeat(64) }, ["a", "b"]);
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(["a", "b", "c"].map((cell) => [rig.cell(cell).state, rig.cell(cell).cause]), [["failed", "inputs"], ["failed", "inputs"], ["complete", null]]);
    assert.match(inputState(rig, "data").why ?? "", new RegExp(`sha256 ${sha256(content)}, not 0{64}; it was thrown away`));
    assert.ok(!existsSync(target) && !existsSync(rig.inRun("cells", "a")));
    // The second cell does not fetch it again: each try is paid for.
    assert.equal(server.requests.length, 1);
  });

  underEachShell("a file that changes between two halves is never put together from both", async (rig, t) => {
    const server = await ownOrigin(t);
    const [first, second] = [megabytes(3), megabytes(3)];
    server.put("/x", first);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x` }, ["a"]);
    Object.assign(server, { cutAfterBytes: 1024 * 1024, cuts: 1, onCut: () => server.put("/x", second) });
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.ok(readFileSync(rig.inRun("cells", "a", "seen")).equals(second));
  });

  underEachShell("a server without ranges, or without versions, is started over instead of glued", async (rig, t) => {
    const server = await ownOrigin(t);
    const content = megabytes(2);
    server.put("/x", content);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x` }, ["a"]);
    Object.assign(server, { cutAfterBytes: 1024 * 1024, cuts: 1, tags: false });
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.ok(readFileSync(rig.inRun("cells", "a", "seen")).equals(content));
    assert.deepEqual(server.requests.map(({ range }) => range), [null, null]);
  });

  underEachShell("an origin that is down ends in a failed cell, not in a machine that waits and bills", async (rig, t) => {
    const server = await ownOrigin(t);
    Object.assign(server, { refusal: { status: 503 }, refusals: 1000 });
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: "1".repeat(64) }, ["a"]);
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(rig.cell("a").cause, "inputs");
    assert.match(inputState(rig, "data").why ?? "", /answers 503.*given up after 6 tries without progress/);
    assert.equal(server.requests.length, 6);
  });

  underEachShell("an origin that says no is asked once", async (rig, t) => {
    const server = await ownOrigin(t);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/none`, sha256: "1".repeat(64) }, ["a"]);
    assert.equal((await rig.queue().finished).code, 10);
    assert.match(inputState(rig, "data").why ?? "", /answers 404 Not Found: look at the source/);
    const status = JSON.parse((await rig.run("status.sh", [rig.runDirectory])).stdout) as { inputs: unknown[] };
    assert.deepEqual(status.inputs, [inputState(rig, "data")], "status says why");
    assert.equal(server.requests.length, 1);
  });

  underEachShell("an input that never ends arriving is given up when its time is over", async (rig, t) => {
    const server = await ownOrigin(t);
    const content = megabytes(1);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: server.put("/x", content), maxSeconds: 2 }, ["a"]);
    server.stallAfterBytes = 1000;
    assert.equal((await rig.queue().finished).code, 10);
    assert.match(inputState(rig, "data").why ?? "", /did not arrive within 2 s \(maxHours/);
  });

  underEachShell("a token reaches the origin and neither an argument list nor a file of the run", async (rig, t) => {
    const server = await ownOrigin(t);
    const secret = `tok-${randomBytes(12).toString("hex")}`;
    server.token = secret;
    const content = megabytes(1);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: server.put("/x", content), token: "HF_TOKEN" }, ["a"]);
    mkdirSync(join(rig.ownDisk, "secrets"));
    writeFileSync(join(rig.ownDisk, "secrets", "run1"), `export HF_TOKEN='${secret}'\n`, { mode: 0o600 });
    server.stallAfterBytes = 1000;
    const queue = rig.queue();
    await until("the fetch to run", () => server.requests.length > 0);
    for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
      let line = "";
      try {
        line = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      } catch {
        // It has ended.
      }
      assert.ok(!line.includes(secret), `process ${pid} has the token in its arguments`);
    }
    kill(-queue.pid, "SIGTERM");
    await queue.finished;
    server.stallAfterBytes = null;
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.equal(server.requests.at(-1)?.authorization, `Bearer ${secret}`);
    for (const file of readdirSync(rig.mount, { recursive: true, encoding: "utf8" })) {
      const path = join(rig.mount, file);
      if (statSync(path).isFile()) assert.ok(!readFileSync(path, "latin1").includes(secret), file);
    }
  });

  underEachShell("a stop while inputs arrive ends the fetch and keeps what has arrived", async (rig, t) => {
    const server = await ownOrigin(t);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: server.put("/x", megabytes(2)), file: "x" }, ["a"]);
    server.stallAfterBytes = 1024 * 1024;
    const queue = rig.queue();
    await until("half of it", () => server.requests.length === 1 && readdirSync(join(rig.ownDisk, "inputs"), { recursive: true, encoding: "utf8" }).some((name) => name.endsWith("x.partial")));
    kill(queue.pid, "SIGTERM");
    assert.equal((await queue.finished).code, 60);
    assert.deepEqual(rig.jobProcesses(), []);
    assert.equal(rig.cell("a").state, "pending");
  });

  underEachShell("two runs that want one cached input at once fetch it once", async (rig, t) => {
    const server = await ownOrigin(t);
    const content = megabytes(2);
    const digest = server.put("/x", content);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: digest, mode: "cached", file: "x" }, ["a"]);
    const otherRun = join(dirname(rig.runDirectory), "run2");
    server.stallAfterBytes = 1024 * 1024;
    const first = rig.queue();
    await until("the first run to fetch", () => server.requests.length === 1);
    const second = rig.start("run_queue.sh", [otherRun, rig.spec, rig.code]);
    await until("the second run to wait", () => existsSync(join(otherRun, "state", "inputs", "data.json")) && readFileSync(join(otherRun, "state", "inputs", "data.json"), "utf8").includes('"state":"waiting"'));
    server.stallAfterBytes = null;
    // The connection that stalls is cut, and the fetch goes on from there.
    server.cutStalled();
    assert.equal((await first.finished).code, 0, rig.read("logs", "queue.log"));
    assert.equal((await second.finished).code, 0);
    for (const run of [rig.runDirectory, otherRun]) assert.ok(readFileSync(join(run, "cells", "a", "seen")).equals(content));
    assert.equal(server.requests.reduce((sum, { sent }) => sum + sent, 0), content.length);
    assert.ok(!existsSync(join(rig.mount, ".cache", "holdfast", "inputs", `${digest.slice(0, 32)}.work`)));
  });

  underEachShell("the fetcher of a machine that died keeps no other from a cached input", async (rig, t) => {
    const server = await ownOrigin(t);
    const content = megabytes(1);
    const digest = server.put("/x", content);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: digest, mode: "cached" }, ["a"]);
    const work = join(rig.mount, ".cache", "holdfast", "inputs", `${digest.slice(0, 32)}.work`);
    mkdirSync(join(work, "lock", "claims", "7"), { recursive: true });
    mkdirSync(join(work, "state"));
    const owner = '{"epoch":7,"host":"gone","machineId":"gone","bootId":"gone","pid":1,"startTicks":1,"at":"2026-01-01T00:00:00Z"}\n';
    writeFileSync(join(work, "lock", "claims", "7", "owner"), owner);
    writeFileSync(join(work, "lock", "writer"), owner);
    writeFileSync(join(work, "state", "heartbeat"), "100\n");
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.ok(readFileSync(rig.inRun("cells", "a", "seen")).equals(content));
  });

  underEachShell("an input that a payload changed is fetched again before the next queue uses it", async (rig, t) => {
    const server = await ownOrigin(t);
    const content = megabytes(1);
    rig.writeSpec({ a: copiesInput });
    const target = giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: server.put("/x", content) }, ["a"]);
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(statSync(target).mode & 0o222, 0, "nobody writes to it by accident");
    chmodSync(target, 0o644);
    writeFileSync(target, "changed");
    rig.writeSpec({ a: copiesInput, b: copiesInput });
    writeFileSync(join(rig.spec, "cells", "b", "inputs"), "data\n");
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.ok(readFileSync(rig.inRun("cells", "b", "seen")).equals(content));
    assert.match(rig.read("logs", "queue.log"), /was changed after it was brought; bringing it again/);
  });

  underEachShell("an address whose content moved on does not feed the second half of a sweep", async (rig, t) => {
    const server = await ownOrigin(t);
    const first = server.put("/x", megabytes(1));
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x` }, ["a"]);
    assert.equal((await rig.queue().finished).code, 0);
    const second = server.put("/x", megabytes(1));
    // Another instance: the own disk is empty, the run is the same.
    rig.loseOwnDisk();
    rig.writeSpec({ a: copiesInput, b: copiesInput });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x` }, ["a", "b"]);
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual([rig.cell("a").state, rig.cell("b").state, rig.cell("b").cause], ["complete", "failed", "inputs"]);
    assert.match(inputState(rig, "data").why ?? "", new RegExp(`it was ${first}, now it is ${second}`));
  });

  underEachShell("what was pushed is checked on the instance before a cell reads it", async (rig) => {
    const content = megabytes(1);
    const spec = { kind: "local", sha256: sha256(content), file: "data.bin" } as const;
    rig.writeSpec({ a: copiesInput, b: copiesInput });
    const target = giveInput(rig, "data", spec, ["a", "b"]);
    assert.equal((await rig.queue("a").finished).code, 10);
    assert.match(inputState(rig, "data").why ?? "", /has not arrived.*pulumi up pushes it/);
    const pushed = `${dirname(target)}.pushed-1`;
    mkdirSync(pushed, { recursive: true });
    writeFileSync(join(pushed, "data.bin"), "not that");
    assert.equal((await rig.queue("a").finished).code, 10);
    assert.match(inputState(rig, "data").why ?? "", /it was thrown away/);
    assert.ok(!existsSync(pushed));
    mkdirSync(pushed);
    writeFileSync(join(pushed, "data.bin"), content);
    assert.equal((await rig.queue("a").finished).code, 0, rig.read("logs", "queue.log"));
    assert.ok(readFileSync(rig.inRun("cells", "b", "seen")).equals(content));
  });

  underEachShell("a folder of the instance is copied whole, named by the list of its hashes, or refused", async (rig) => {
    const source = join(rig.root, "datasets", "mini");
    for (const [path, text] of [["train/a.txt", "1"], ["train/b c.txt", "2"], ["val.txt", "3"]] as const) {
      mkdirSync(dirname(join(source, path)), { recursive: true });
      writeFileSync(join(source, path), text);
    }
    const digest = sha256(`${sha256("1")}  train/a.txt\n${sha256("2")}  train/b c.txt\n${sha256("3")}  val.txt\n`);
    const copies = { command: 'cp -r "$HOLDFAST_INPUT_DATA" "$HOLDFAST_OUTPUT_DIR/seen"\n' };
    rig.writeSpec({ a: copies });
    giveInput(rig, "data", { kind: "instance", source, sha256: digest, file: "mini" }, ["a"]);
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.equal(rig.read("cells", "a", "seen", "train", "b c.txt"), "2");
    assert.equal(inputState(rig, "data").sha256, digest);
  });

  underEachShell("what is mounted must be there, be what was expected, and not be where the run writes", async (rig) => {
    const source = join(rig.root, "public.bin");
    const use = async (target: string, digest?: string): Promise<InputState> => {
      rig.writeSpec({ a: copiesInput });
      writeFileSync(join(rig.spec, "cells", "a", "inputs"), "");
      giveInput(rig, "data", { kind: "instance", source: target, mode: "mount", target, ...(digest === undefined ? {} : { sha256: digest }) }, ["a"]);
      await rig.queue().finished;
      return inputState(rig, "data");
    };
    assert.match((await use(source)).why ?? "", /does not exist on this instance/);
    assert.match((await use(rig.runDirectory)).why ?? "", /is where this run writes/);
    writeFileSync(source, "data");
    assert.match((await use(source, "0".repeat(64))).why ?? "", /has the sha256/);
    assert.equal((await use(source, sha256("data"))).state, "ready");
    assert.equal(rig.read("cells", "a", "seen"), "data");
  });

  underEachShell("what cannot fit or is not there is said before anything is started", async (rig, t) => {
    const server = await ownOrigin(t);
    rig.writeSpec({ a: copiesInput });
    giveInput(rig, "huge", { kind: "url", source: `${server.url}/x`, sha256: "1".repeat(64), bytes: 9e17 }, ["a"]);
    giveInput(rig, "gone", { kind: "instance", source: "/no/such/set", target: "/no/such/set", mode: "mount" }, ["a"]);
    const { code, stdout } = await rig.run("fetch_inputs.sh", ["--check", rig.runDirectory, rig.spec]);
    assert.equal(code, 3);
    assert.match(stdout, /^refuse input U33 gone: \/no\/such\/set does not exist on this instance$/m);
    assert.match(stdout, /^refuse input U6 huge: 900000000000000000 bytes do not fit/m);
    assert.equal(inputStateIfThere(rig, "huge"), null);
    assert.equal(server.requests.length, 0);
  });

  underEachShell("inputs are no artifacts and no strays", async (rig, t) => {
    const server = await ownOrigin(t);
    rig.writeSpec({ a: { command: "true\n" } });
    giveInput(rig, "data", { kind: "url", source: `${server.url}/x`, sha256: server.put("/x", megabytes(1)) }, ["a"]);
    assert.equal((await rig.queue().finished).code, 0);
    assert.ok(!(await rig.run("manifest.sh", [rig.runDirectory])).stdout.includes("input"));
    assert.equal((await rig.run("strays.sh", [rig.ownDisk])).stdout, "");
  });
});
