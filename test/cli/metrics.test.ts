/** Curves from a real sshd and from a pulled copy, and the page: read as markup, since nobody looks at it here. */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { all, find, readMarkup, rowsOf, textOf, type Element } from "../unit/cli/metrics/markup";
import { withMachine } from "./machine";
import { withProject, type TestProject } from "./project";

interface Said {
  readonly run: string;
  readonly from: { readonly kind: string; readonly place: string; readonly instead: string | null };
  readonly cells: { readonly cell: string; readonly every: number; readonly unreadable: number; readonly rows: { readonly step: number; readonly values: Record<string, number | null> }[] }[];
}

const rows = (count: number, lr: number): string => Array.from({ length: count }, (_, index) => `${JSON.stringify({ step: index + 1, time: 1_790_000_000 + index * 30, train_loss: 2 / (1 + lr * index) })}\n`).join("");
const copied = {
  "cells/a/metrics.jsonl": rows(50, 0.1),
  "cells/b/metrics.jsonl": `${rows(40, 0.5)}{"step":41,"train_loss":NaN}\n`,
  "cells/a/checkpoints/step-000050.npy": readFileSync("test/custody/verify/fixtures/numpy-2.4.6/version2.npy"),
};

test("curves come from the machine while it answers, thinned there, with every value that is not finite", async () => {
  await withMachine(async (project, machine) => {
    machine.metrics("a", ...rows(5000, 0.01).trim().split("\n"), '{"step": 5001, "train_loss": NaN}', "not json", '{"step": 5002, "train_loss": 0.5}');
    const said = JSON.parse((await project.holdfast("metrics", "--json")).stdout) as Said;
    assert.deepEqual([said.run, said.from.kind, said.cells.map(({ cell }) => cell)], ["lab/dev/digits", "machine", ["a"]]);
    const a = said.cells[0]!;
    assert.equal(a.every, 3);
    assert.ok(a.rows.length < 1700, String(a.rows.length));
    assert.deepEqual(a.rows.slice(-2).map(({ step, values }) => [step, values["train_loss"]]), [[5001, null], [5002, 0.5]]);

    const text = await project.holdfastWith({ env: { COLUMNS: "80" } }, "metrics");
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /^train_loss {2}over steps$/m);
    assert.match(text.stdout, /^ {2}a +0\.5 +0\.0\d+ at \d+ +2 at 1 +1\d{3}, 1 not finite$/m);
    assert.match(text.stdout, /^a: every 3th row is shown\.$/m);
    for (const line of text.stdout.split("\n")) assert.ok(line.length <= 80, line);
    assert.match(text.stderr, /^lab\/dev\/digits, from .*@127\.0\.0\.1:\d+:/);
  });
});

test("of a machine that is silent the pulled copy tells the curves, and that it does", async () => {
  await withMachine(async (project, machine) => {
    await machine.silence();
    assert.equal((await project.holdfast("metrics")).code, 5, "with no copy there is nothing to show");
    project.pulledCopy(machine.run, copied);
    const silent = await project.holdfast("metrics", "--metric", "train_loss", "--cell", "b", "--x", "time");
    assert.equal(silent.code, 0, silent.stderr);
    assert.match(silent.stderr, /does not answer.*From the pulled copy instead:/);
    assert.match(silent.stdout, /^train_loss {2}over time since the cell began$/m);
    assert.match(silent.stdout, /^ {2}b +0\.0\d+ +0\.0\d+ after 19 min 30 s +2 after 0 s +40$/m);
    project.endRun(machine.run);
    const copy = JSON.parse((await project.holdfast("metrics", "digits", "--json")).stdout) as Said;
    assert.deepEqual([copy.from.kind, copy.from.instead, copy.cells.map(({ cell, rows: read }) => [cell, read.length])], ["copy", null, [["a", 50], ["b", 41]]]);
  });
});

test("a metric or cell that is not there is refused with those that are; a run without metrics is told what to write", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    project.pulledCopy(run, { "logs/a.log": "x\n", "cells/a/x.txt": "x" });
    const none = await project.holdfast("metrics", "--copy");
    assert.equal(none.code, 4);
    assert.match(none.stdout, /metrics\.jsonl/);
    assert.equal((await project.holdfast("metrics", "--copy", "--cell", "nope")).code, 4);
    assert.match((await project.holdfast("metrics", "--copy", "--verify")).stderr, /--verify is about the page/);
    assert.equal((await project.holdfast("metrics", "--x", "epoch")).code, 2);
  });
});

async function pageOf(project: TestProject, ...args: readonly string[]): Promise<{ code: number; markup: string; root: Element }> {
  const { code, stdout, stderr } = await project.holdfast("metrics", "--copy", "--html", "-", ...args);
  assert.ok(stdout.startsWith("<!doctype html>"), stderr);
  return { code, markup: stdout, root: readMarkup(stdout) };
}

test("the page needs nothing outside itself and can be read without seeing it", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    project.pulledCopy(run, copied);
    const { code, markup, root } = await pageOf(project, "--verify");
    assert.equal(code, 0);
    assert.doesNotMatch(markup, /https?:|url\(|@import|<script|<link|<img|\son[a-z]+=|javascript:/i);
    assert.ok(find(root, "meta").some(({ attributes }) => attributes["content"] === "default-src 'none'; style-src 'unsafe-inline'"));
    assert.equal(find(root, "html")[0]?.attributes["lang"], "en");

    const ids = all(root).flatMap(({ attributes }) => (attributes["id"] === undefined ? [] : [attributes["id"]]));
    assert.equal(new Set(ids).size, ids.length, "ids are used once");
    for (const { attributes } of all(root)) for (const id of (attributes["aria-labelledby"] ?? "").split(" ").filter((word) => word !== "")) assert.ok(ids.includes(id), id);
    assert.equal(find(root, "h1").length, 1);
    assert.deepEqual(find(root, "h2").map(textOf), ["Curves", "Cells", "What survives what", "Evidence", "Cost"]);
    for (const one of find(root, "table")) {
      assert.ok(find(one, "caption").some((caption) => textOf(caption) !== ""), "every table says what it is about");
      for (const cell of find(one, "th")) assert.match(cell.attributes["scope"] ?? "", /^(col|row)$/);
    }
    const drawings = find(root, "svg").filter(({ attributes }) => attributes["role"] === "img");
    assert.equal(drawings.length, 1);
    assert.match(textOf(find(drawings[0]!, "desc")[0]!), /^a: from 2 to 0\.3\d+\. b: from 2 to 0\.0\d+\. Not finite: 1 value\./);
    for (const path of find(drawings[0]!, "path")) assert.match(path.attributes["d"] ?? "", /^(M[\d.]+ [\d.]+h0(L[\d.]+ [\d.]+)*)+$/);
    const table = rowsOf(root, /^train_loss: \d+ of the places/);
    assert.deepEqual(table[0], ["step", "a", "b"], "every curve also stands as a table");
    assert.deepEqual(table[1], ["1", "2", "2"]);
  });
});

test("the page says what is proven, what survives, and what it costs, as custody knows it", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    const { directory, manifest } = project.pulledCopy(run, copied);
    const { root } = await pageOf(project, "--verify");
    const text = textOf(find(root, "body")[0]!);
    assert.ok(text.includes(run.entries().at(-1)?.hash ?? "?"), "the ledger's head");
    assert.ok(text.includes(run.view().newestManifest?.manifestSha256 ?? "?"), "the manifest's digest");
    assert.match(text, /pulled and loaded3 files, [\d.]+ kB, read again for this page/);
    assert.match(text, /3 files read again for this page: every byte as the manifest says/);
    const [, receipt] = rowsOf(root, /^Receipts/);
    assert.deepEqual([receipt?.[0], receipt?.[1], receipt?.[5]?.startsWith("counts local")], ["rcp_0123456789abcdef", "the newest manifest", true]);
    assert.deepEqual(rowsOf(root, /^Tiers of storage/)[0], ["tier", "path", "process exit", "reboot", "stop", "destroy"]);
    assert.deepEqual(rowsOf(root, /^What each deletion/).slice(1).map((row) => row.slice(0, 4)), [["instance", "terminate", "regional file system", "instance's own NVMe disk"], ["file system", "delete", "-", "regional file system"], ["SSH key", "delete", "-", "-"]]);
    assert.deepEqual(rowsOf(root, /^State and artifacts/).slice(1).map(([cell, state, , , files]) => [cell, state, files]), [["a", "complete", "2"], ["b", "complete", "1"]]);
    assert.match(text, /Per hour, of what stands\$0\.50/);
    assert.match(text, /Forgotten for a month\$365\.00 by the prices of what stands/);
    assert.match(text, /lease ends/);

    appendFileSync(join(directory, manifest.files[0]?.path ?? ""), "x");
    const damaged = await pageOf(project, "--verify");
    assert.equal(damaged.code, 6);
    assert.match(textOf(damaged.root), /copy damaged/);
    assert.match(rowsOf(damaged.root, "Faults of the copy")[1]?.[0] ?? "", /^cells\/a\//);
  });
});

test("hostile names and secrets do not get into the page", async () => {
  await withProject(async (project) => {
    const token = `hf_${"abcdefghij".repeat(3)}`;
    project.write("job/job.yaml", `name: digits\ncommand: python3 train.py\ncode: .\nresources: {gpu: none}\nroster:\n  - {name: a, args: ["--hub-token", "${token}"]}\n  - {name: b, args: []}\n`);
    const run = project.declareRun();
    project.pulledCopy(run, { "cells/a/metrics.jsonl": `{"step":1,"<script>alert(1)</script>":1}\n{"step":2,"<script>alert(1)</script>":2}\n` });
    const cells = [{ cell: "a", state: "failed", cause: `</td><script>alert(2)</script> ${token}`, exit: 1 }];
    writeFileSync(join(run.dir, "last-look.json"), JSON.stringify({ v: 1, at: new Date(Date.now() + 1000).toISOString(), status: { writer: "none", session: null, cells, heartbeat: null, closed: null } }));
    const { markup, root } = await pageOf(project);
    assert.doesNotMatch(markup, /<script|hf_abc/);
    assert.deepEqual(find(root, "h3").map(textOf).filter((title) => title.includes("script")), ["<script>alert(1)</script>"]);
    assert.match(rowsOf(root, /^Command lines/)[1]?.[1] ?? "", /--hub-token \[left out\]/);
    assert.match(rowsOf(root, /^Cells that ended before/)[1]?.[1] ?? "", /^\[left out: looks like a Hugging Face token\]$/);
    assert.doesNotMatch(markup, /PRIVATE KEY/);
  });
});

test("a page about a run that nobody can ask any more is still written, and says what is not known", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    project.endRun(run);
    const { code, stdout, stderr } = await project.holdfast("metrics", "digits", "--html", "report.html", "--json");
    assert.equal(code, 0, stderr);
    const said = JSON.parse(stdout) as { file: string; bytes: number; problems: string[] };
    assert.equal(said.file, join(project.root, "report.html"));
    assert.match(said.problems.join("\n"), /There are no curves/);
    const root = readMarkup(readFileSync(said.file, "utf8"));
    assert.match(textOf(root), /not listedno manifest was ever taken/);
    assert.match(textOf(root), /audited .*: 0 things billing on/);
  });
});
