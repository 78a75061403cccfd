/** Edits of a live sweep: what waits follows the edit, what has begun stays what it is, and nothing is half done. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inParallel, kill, until, underEachShell, type CellSpec, type Rig } from "./rig";

const hash = (letter: string): string => letter.repeat(64);

/** Says which words and which code it ran with, and ends when the test says so. */
const says = (rig: Rig, words: string): string => `{ printf '%s with ' ${words}; cat version; } >>"$HOLDFAST_OUTPUT_DIR/ran"
until [ -e "${rig.root}/go-$HOLDFAST_CELL" ]; do sleep 0.05; done
`;
const go = (rig: Rig, ...cells: string[]): void => {
  for (const cell of cells) writeFileSync(join(rig.root, `go-${cell}`), "");
};

function codeFolder(rig: Rig, version: string): { folder: string; hash: string } {
  const folder = join(rig.ownDisk, `code-00000000000${version}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "version"), `code ${version}\n`);
  writeFileSync(`${folder}.list`, "./version\n");
  return { folder, hash: hash(version) };
}
const specFolder = (rig: Rig, n: number): string => join(rig.ownDisk, `spec-00000000000${n}`);
const running = (rig: Rig, cell: string): Promise<unknown> => until(`cell ${cell} to run`, () => rig.cellIfThere(cell)?.state === "running" && rig.readIfThere("cells", cell, "ran")?.endsWith("\n"));

inParallel("edits", () => {
  underEachShell("an edit is taken up while a cell runs: what was added runs, what was changed runs as changed, what was removed never runs", async (rig) => {
    const { folder, hash: code } = codeFolder(rig, "1");
    const cell = (words: string, sha256: string): CellSpec => ({ command: says(rig, words), sha256, code });
    rig.writeSpec({ a: cell("a1", hash("a")), changed: cell("old", hash("b")), removed: cell("x", hash("c")) });
    const queue = rig.queue(undefined, { spec: rig.spec, code: folder });
    await running(rig, "a");
    rig.writeSpec({ a: cell("a1", hash("a")), changed: cell("new", hash("d")), added: cell("added", hash("e")) }, { into: specFolder(rig, 2) });
    rig.next(specFolder(rig, 2), folder);
    await until("the edit to be taken up", () => rig.cellIfThere("removed")?.state === "removed");
    assert.equal(rig.cell("a").state, "running");
    assert.deepEqual([rig.cell("added").state, rig.cell("changed").configSha256], ["pending", hash("d")]);
    go(rig, "a", "changed", "added", "removed");
    assert.equal((await queue.finished).code, 0);
    assert.deepEqual(rig.closed()?.complete, ["a", "changed", "added"]);
    assert.deepEqual([rig.read("cells", "changed", "ran"), rig.read("cells", "added", "ran")], ["new with code 1\n", "added with code 1\n"]);
    assert.deepEqual([existsSync(rig.inRun("cells", "removed")), rig.cell("removed").state, rig.cell("a").attempt], [false, "removed", 1]);
    assert.match(rig.read("logs", "queue.log"), /cell removed was taken out of the roster before it began/);
  });

  underEachShell("an edit that changes or drops a cell that has begun is refused whole, and the run goes on as it was", async (rig) => {
    const { folder, hash: code } = codeFolder(rig, "1");
    const cell = (words: string, sha256: string): CellSpec => ({ command: says(rig, words), sha256, code });
    rig.writeSpec({ done: cell("d", hash("a")), a: cell("a", hash("b")), b: cell("b", hash("c")) });
    const queue = rig.queue(undefined, { spec: rig.spec, code: folder });
    go(rig, "done");
    await running(rig, "a");
    rig.writeSpec({ a: cell("other", hash("f")), b: cell("b", hash("c")), c: cell("c", hash("d")) }, { into: specFolder(rig, 2) });
    rig.next(specFolder(rig, 2), folder);
    const refused = await until("the refusal", () => rig.readIfThere("state", "refused.json"));
    assert.deepEqual((JSON.parse(refused) as { cells: string[] }).cells, ["done", "a"]);
    assert.deepEqual([existsSync(rig.inRun("state", "next.json")), rig.cellIfThere("c")], [false, null]);
    // One whose folders never arrived, and one that is no edit at all, change nothing either.
    rig.next(specFolder(rig, 9), folder);
    await until("the second refusal", () => rig.readIfThere("state", "refused.json")?.includes("not here"));
    writeFileSync(rig.inRun("state", "next.json"), "{");
    await until("the third refusal", () => rig.readIfThere("state", "refused.json")?.includes("names no spec"));
    go(rig, "a", "b");
    assert.equal((await queue.finished).code, 0);
    assert.deepEqual(rig.closed()?.complete, ["done", "a", "b"]);
    assert.equal(rig.read("cells", "a", "ran"), "a with code 1\n");
  });

  underEachShell("other inputs are another cell: one that has begun does not read them", async (rig) => {
    const { folder, hash: code } = codeFolder(rig, "1");
    rig.writeSpec({ a: { command: says(rig, "a"), code } });
    const queue = rig.queue(undefined, { spec: rig.spec, code: folder });
    await running(rig, "a");
    rig.writeSpec({ a: { command: says(rig, "a"), code, inputs: hash("9") } }, { into: specFolder(rig, 2) });
    rig.next(specFolder(rig, 2), folder);
    await until("the refusal", () => rig.readIfThere("state", "refused.json")?.includes('"cells":["a"]'));
    go(rig, "a");
    assert.equal((await queue.finished).code, 0);
  });

  underEachShell("edited code reaches the cells that have not begun, and only those, also when one of the others is resumed", async (rig) => {
    const [one, two] = [codeFolder(rig, "1"), codeFolder(rig, "2")];
    const spec = (code: string): Record<string, CellSpec> => ({ a: { command: says(rig, "a"), code }, b: { command: says(rig, "b"), code } });
    rig.writeSpec(spec(one.hash));
    const first = rig.queue(undefined, { spec: rig.spec, code: one.folder });
    await running(rig, "a");
    rig.writeSpec(spec(two.hash), { into: specFolder(rig, 2) });
    rig.next(specFolder(rig, 2), two.folder);
    await until("the edit to be taken up", () => rig.cellIfThere("b")?.codeSha256 === two.hash);
    kill(first.pid, "SIGTERM");
    assert.equal((await first.finished).code, 60);
    const second = rig.queue(undefined, { spec: specFolder(rig, 2), code: two.folder });
    go(rig, "a", "b");
    assert.equal((await second.finished).code, 0);
    assert.equal(rig.read("cells", "a", "ran"), "a with code 1\na with code 1\n");
    assert.equal(rig.read("cells", "b", "ran"), "b with code 2\n");
    assert.deepEqual([rig.cell("a"), rig.cell("b")].map(({ codeSha256, code, spec }) => [codeSha256, code, spec]), [[one.hash, "code-000000000001", "spec-000000000001"], [two.hash, "code-000000000002", "spec-000000000002"]]);
  });

  underEachShell("a machine that was replaced resumes a cell with the code it began with, from the copy on the durable tier", async (rig) => {
    const [one, two] = [codeFolder(rig, "1"), codeFolder(rig, "2")];
    const cells = (code: string, words: string): Record<string, CellSpec> => ({ a: { command: says(rig, words), code } });
    rig.writeSpec(cells(one.hash, "a"), { env: "export FLAVOUR=old\n" });
    const first = rig.queue(undefined, { spec: rig.spec, code: one.folder });
    await running(rig, "a");
    // What the payload leaves beside the code is no part of it.
    writeFileSync(join(one.folder, "left-by-payload"), "x");
    kill(first.pid, "SIGTERM");
    await first.finished;
    rmSync(rig.ownDisk, { recursive: true });
    const today = codeFolder(rig, "2");
    rig.writeSpec(cells(two.hash, "a"), { into: specFolder(rig, 2), env: "export FLAVOUR=new\n" });
    go(rig, "a");
    assert.equal((await rig.queue(undefined, { spec: specFolder(rig, 2), code: today.folder }).finished).code, 0);
    assert.equal(rig.read("cells", "a", "ran"), "a with code 1\na with code 1\n");
    assert.deepEqual(readdirSync(one.folder), ["version"]);
    assert.equal((await rig.run("strays.sh", [rig.ownDisk])).stdout, "");
    // Without the copy it is not run with something else.
    rig.writeSpec({ ...cells(hash("3"), "a"), b: { command: "exit 1\n", code: two.hash } }, { into: specFolder(rig, 3) });
    assert.equal((await rig.queue(undefined, { spec: specFolder(rig, 3), code: today.folder }).finished).code, 10);
  });

  underEachShell("code that is nowhere any more is not replaced by today's under a cell that has begun", async (rig) => {
    const one = codeFolder(rig, "1");
    rig.writeSpec({ a: { command: says(rig, "a"), code: one.hash } });
    const first = rig.queue(undefined, { spec: rig.spec, code: one.folder });
    await running(rig, "a");
    kill(first.pid, "SIGTERM");
    await first.finished;
    rmSync(rig.ownDisk, { recursive: true });
    rmSync(rig.inRun("state", "kept"), { recursive: true });
    const two = codeFolder(rig, "2");
    rig.writeSpec({ a: { command: says(rig, "a"), code: two.hash } }, { into: specFolder(rig, 2) });
    assert.equal((await rig.queue(undefined, { spec: specFolder(rig, 2), code: two.folder }).finished).code, 10);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").cause, rig.read("cells", "a", "ran")], ["failed", "setup", "a with code 1\n"]);
    assert.match(rig.read("logs", "queue.log"), /neither here nor kept on the tier/);
  });

  underEachShell("an edit that comes while the setup runs reaches the cell that waits for it, instead of being refused unheard", async (rig) => {
    const { folder, hash: code } = codeFolder(rig, "1");
    const cell = (words: string, sha256: string): CellSpec => ({ command: says(rig, words), sha256, code });
    const setup = `touch "${rig.root}/in-setup"; until [ -e "${rig.root}/go-setup" ]; do sleep 0.05; done\n`;
    rig.writeSpec({ gone: cell("x", hash("a")), a: cell("old", hash("b")) });
    rig.writeSpec({ a: cell("new", hash("c")) }, { into: specFolder(rig, 2) });
    for (const spec of [rig.spec, specFolder(rig, 2)]) writeFileSync(join(spec, "setup"), setup);
    const queue = rig.queue(undefined, { spec: rig.spec, code: folder });
    await until("the setup to run", () => existsSync(join(rig.root, "in-setup")));
    rig.next(specFolder(rig, 2), folder);
    go(rig, "setup", "gone", "a");
    assert.equal((await queue.finished).code, 0, rig.read("logs", "queue.log"));
    assert.equal(rig.readIfThere("state", "refused.json"), null);
    assert.deepEqual([existsSync(rig.inRun("cells", "gone")), rig.cell("gone").state, rig.read("cells", "a", "ran")], [false, "removed", "new with code 1\n"]);
  });

  underEachShell("an edit left behind by an update that was killed does not undo the one that started the queue", async (rig) => {
    const { folder, hash: code } = codeFolder(rig, "1");
    rig.writeSpec({ a: { command: "exit 0\n", code }, b: { command: "exit 0\n", code } });
    rig.writeSpec({ stale: { command: "exit 0\n", code } }, { into: specFolder(rig, 2) });
    rig.next(specFolder(rig, 2), folder);
    assert.equal((await rig.queue(undefined, { spec: rig.spec, code: folder }).finished).code, 0);
    assert.deepEqual([rig.closed()?.complete, rig.cellIfThere("stale"), existsSync(rig.inRun("state", "next.json"))], [["a", "b"], null, false]);
  });

  underEachShell("an edit that comes while the queue closes is run or left to the next queue, never forgotten", async (rig) => {
    const { folder, hash: code } = codeFolder(rig, "1");
    rig.writeSpec({ a: { command: "exit 0\n", code } });
    rig.writeSpec({ a: { command: "exit 0\n", code }, b: { command: "exit 0\n", code, sha256: hash("b") } }, { into: specFolder(rig, 2) });
    // The edit arrives at the very moment at which the closing marker appears.
    rig.stub("mv", `/bin/mv "$@"; code=$?
case "$*" in *state/closed.json) if [ ! -e "${rig.root}/once" ]; then : >"${rig.root}/once"; printf '{"spec":"spec-000000000002","code":"code-000000000001"}\\n' >"${rig.inRun("state", "next.json")}"; fi ;; esac
exit $code`);
    assert.equal((await rig.queue(undefined, { spec: rig.spec, code: folder }).finished).code, 0);
    assert.equal(existsSync(join(rig.root, "once")), true);
    assert.deepEqual(rig.closed()?.complete, ["a", "b"]);
  });

  underEachShell("a cell that failed before it wrote anything takes an edit like one that waits", async (rig) => {
    const { folder, hash: code } = codeFolder(rig, "1");
    rig.writeSpec({ a: { command: "exit 3\n", code, sha256: hash("a") }, b: { command: says(rig, "b"), code } });
    const queue = rig.queue(undefined, { spec: rig.spec, code: folder });
    await running(rig, "b");
    assert.deepEqual((await rig.status()).cells.map(({ cell, state, begun }) => [cell, state, begun]), [["a", "failed", false], ["b", "running", true]]);
    rig.writeSpec({ a: { command: says(rig, "a"), code, sha256: hash("d") }, b: { command: says(rig, "b"), code } }, { into: specFolder(rig, 2) });
    rig.next(specFolder(rig, 2), folder);
    await until("the edit to be taken up", () => rig.cell("a").state === "pending");
    go(rig, "a", "b");
    assert.equal((await queue.finished).code, 0);
    assert.deepEqual(rig.closed()?.complete, ["a", "b"]);
  });
});
