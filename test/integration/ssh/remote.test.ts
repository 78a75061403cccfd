import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Remote } from "../../../custody/remote";
import { RemoteUnreachable } from "../../../custody/remote";
import { UserError } from "../../../custody/userError";
import { openSshRemote } from "../../../providers/ssh/remote";
import { until } from "../../engine/until";
import { PrivateSshd } from "./sshd";

let sshd: PrivateSshd;
let remote: Remote;

before(async () => {
  sshd = await PrivateSshd.start();
  remote = openSshRemote(sshd.target);
});

after(async () => {
  await remote.close();
  await sshd.close();
});

test("words reach the remote program as they are, whatever they contain", async () => {
  const words = ["plain", "two words", "it's", '"quoted"', "$HOME `id` $(id)", "line\nbreak", "*", "", "-n", "ünï", "back\\slash"];
  const result = await remote.exec(["printf", "%s\\0", ...words]);
  assert.equal(result.exitCode, 0);
  assert.deepEqual(result.stdout.split("\0").slice(0, -1), words);
});

test("exit codes and both streams come back apart; 255 of the program itself is not taken for success", async () => {
  const result = await remote.exec(["sh", "-c", "echo out; echo err >&2; exit 7"]);
  assert.deepEqual(result, { exitCode: 7, stdout: "out\n", stderr: "err\n" });
  assert.equal((await remote.exec(["sh", "-c", "exit 255"])).exitCode, "unknown");
});

test("a connection that dies in the middle is unknown, neither failure nor success", async () => {
  // The session's own sshd is the parent of the remote shell.
  const result = await remote.exec(["sh", "-c", "kill -9 $PPID; sleep 5"]);
  assert.equal(result.exitCode, "unknown");
});

test("a machine that does not listen is unreachable, and says so within its bounded tries", async () => {
  const other = openSshRemote({ ...sshd.target, port: 9, hostKeyAlias: "nowhere" }, { attempts: 2, clock: { now: () => new Date(), sleep: () => Promise.resolve() } });
  await assert.rejects(other.exec(["true"]), (error) => error instanceof RemoteUnreachable && /refused/i.test(error.reason));
});

test("another machine behind the same address is refused, and nothing is sent to it", async () => {
  const own = await PrivateSshd.start();
  const first = openSshRemote(own.target);
  try {
    assert.equal((await first.exec(["true"])).exitCode, 0);
    await first.close();
    await own.replaceHostKey();
    const marker = join(own.directory, "ran");
    const again = openSshRemote(own.target);
    await assert.rejects(again.exec(["touch", marker]), (error) => error instanceof UserError && error.code === "host-key-changed" && error.next.some((step) => step.includes("ssh-keygen -R instance-1")));
    assert.equal(existsSync(marker), false);
  } finally {
    await own.close();
  }
});

test("a secret written to the machine travels over stdin into a 0600 file, not through any argument list", async () => {
  const path = join(sshd.directory, "secrets", "run");
  const secret = `value-${randomBytes(8).toString("hex")}`;
  await remote.write(path, secret, 0o600);
  assert.equal(readFileSync(path, "utf8"), secret);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("a pull that was cut goes on from what has arrived, and ends byte for byte the same", async () => {
  const from = join(sshd.directory, "durable");
  const to = join(sshd.directory, "local");
  mkdirSync(join(from, "cells", "a b"), { recursive: true });
  mkdirSync(to);
  const big = randomBytes(160 * 1024 * 1024);
  writeFileSync(join(from, "cells", "a b", "step.safetensors"), big);
  // Progress is told at the end of a file at the latest: the small one comes first, so the big one is what gets cut.
  writeFileSync(join(from, "a-small.json"), "{}");
  writeFileSync(join(from, "not-asked-for"), "x");
  const files = ["cells/a b/step.safetensors", "a-small.json"];
  const abort = new AbortController();
  await assert.rejects(
    remote.pull(from, to, { files, signal: abort.signal, onProgress: ({ bytes }) => { if (bytes > 0) abort.abort(new Error("cut")); } }),
    /cut/,
  );
  assert.equal(existsSync(join(to, files[0]!)), false, "the cut came before the end");
  await remote.pull(from, to, { files });
  const sha = (data: Buffer): string => createHash("sha256").update(data).digest("hex");
  assert.equal(sha(readFileSync(join(to, files[0]!))), sha(big));
  assert.equal(existsSync(join(to, "not-asked-for")), false);
});

test("pushing the same content twice writes it once, and a half push leaves no folder under the final name", async () => {
  const from = join(sshd.directory, "code");
  const to = join(sshd.directory, "pushed", "code-abc");
  mkdirSync(join(from, "__pycache__"), { recursive: true });
  writeFileSync(join(from, "train.py"), "print()");
  writeFileSync(join(from, "__pycache__", "x.pyc"), "x");
  await remote.push(from, to, { exclude: ["__pycache__"] });
  assert.equal(readFileSync(join(to, "train.py"), "utf8"), "print()");
  assert.equal(existsSync(join(to, "__pycache__")), false);
  const before = statSync(to).ino;
  writeFileSync(join(from, "train.py"), "changed");
  await remote.push(from, to);
  assert.equal(statSync(to).ino, before);
  assert.equal(readFileSync(join(to, "train.py"), "utf8"), "print()");
});

test("lines arrive while the remote program still runs", async () => {
  const lines: string[] = [];
  const fifo = join(sshd.directory, "go");
  await remote.exec(["mkfifo", fifo]);
  const running = remote.exec(["sh", "-c", 'echo first; read x < "$1"; echo second', "sh", fifo], { onLine: (line) => lines.push(line) });
  await until("the first line", () => lines.includes("first"), 20);
  assert.deepEqual(lines, ["first"]);
  writeFileSync(fifo, "go\n");
  await running;
  assert.deepEqual(lines, ["first", "second"]);
});

test("a command that is done does not cut the log or the shell that another one has open on the machine", async () => {
  const go = join(sshd.directory, "others-are-done");
  const other = openSshRemote(sshd.target);
  const lines: string[] = [];
  const following = remote.exec(["sh", "-c", `echo open; until [ -e '${go}' ]; do sleep 0.1; done; echo "still open"`], { onLine: (line) => lines.push(line) });
  await until("the session to be open", () => lines.includes("open"), 20);
  assert.equal((await other.exec(["true"])).exitCode, 0);
  await other.close();
  writeFileSync(go, "");
  assert.equal((await following).exitCode, 0);
  assert.deepEqual(lines, ["open", "still open"]);
});

test("an input that was cut on its way there goes on from what has arrived, and ends byte for byte the same", async () => {
  const [from, to] = [join(sshd.directory, "set"), join(sshd.directory, "inputs", "entry.pushed")];
  mkdirSync(join(from, "train"), { recursive: true });
  const big = randomBytes(160 * 1024 * 1024);
  writeFileSync(join(from, "train", "big.bin"), big);
  writeFileSync(join(from, "a-small.txt"), "1");
  const files = ["train/big.bin", "a-small.txt"];
  const abort = new AbortController();
  // rsync writes beside the file, under a name of its own; progress is only told now and then.
  const onItsWay = (): number => (existsSync(join(to, "train")) ? readdirSync(join(to, "train")).filter((name) => name.startsWith(".big.bin.")).reduce((sum, name) => sum + (statSync(join(to, "train", name), { throwIfNoEntry: false })?.size ?? 0), 0) : 0);
  const watch = setInterval(() => { if (onItsWay() > 8 * 1024 * 1024) abort.abort(new Error("cut")); }, 5);
  try {
    await assert.rejects(remote.send(from, to, { files, signal: abort.signal }), /cut/);
  } finally {
    clearInterval(watch);
  }
  assert.equal(existsSync(join(to, files[0]!)), false, "the cut came before the end");
  const arrived = join(to, "train", ".holdfast-partial", "big.bin");
  await until("what arrived to be kept", () => existsSync(arrived));
  await remote.send(from, to, { files });
  assert.ok(readFileSync(join(to, files[0]!)).equals(big));
  assert.equal(existsSync(arrived), false);
});
