import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { folder, load, type Log, recorder, root, run, script, write } from "./toolchain.js";

interface Engine {
  version: string;
  directory: string;
  source: string;
}
interface Attempt {
  engine: Engine | null;
  tried: string;
}
interface Options {
  root: string;
  env: NodeJS.ProcessEnv;
  node: { executable: string };
  log: Log;
  cache?: string;
  urls?: string[];
  probeMs?: number;
  now?: () => number;
  goPlaces?: string[];
  download?: (options: Options) => Promise<Attempt>;
  build?: (options: Options) => Promise<Attempt>;
}

const { obtainEngine } = load("engine/find.cjs") as { obtainEngine: (o: Options) => Promise<{ engine: Engine; obtained: boolean }> };
const { downloadOfficial } = load("engine/official.cjs") as { downloadOfficial: (o: Options) => Promise<Attempt> };
const { buildEngine, recipe } = load("engine/source.cjs") as {
  buildEngine: (o: Options) => Promise<Attempt>;
  recipe: (o: { root: string; cache: string }) => { version: string; key: string; directory: string };
};

const HOSTS = ["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"];

/** A machine with an empty home and cache and only a shell on PATH; no way out must be tried unless a test says so. */
function machine(t: TestContext, searchPath: string[] = []): Options & { home: string; cache: string } {
  const home = folder(t);
  const refuse = (): Promise<Attempt> => Promise.reject(new Error("must not be tried"));
  return {
    home,
    root,
    cache: path.join(home, ".cache", "holdfast", "engine"),
    env: { HOME: home, PATH: [...searchPath, "/usr/bin", "/bin"].join(path.delimiter), GOFLAGS: "" },
    node: { executable: process.execPath },
    log: recorder(),
    download: refuse,
    build: refuse,
  };
}

function pulumi(directory: string, version: string, parts = HOSTS): string {
  for (const part of parts) script(path.join(directory, part), "exit 1");
  return script(path.join(directory, "pulumi"), `[ "$1" = version ] && echo v${version}`);
}

test("the user's own engine is used before anything is downloaded or built", async (t) => {
  const bin = folder(t);
  pulumi(bin, "3.300.1");
  const { engine, obtained } = await obtainEngine(machine(t, [bin]));
  assert.deepEqual(engine, { version: "3.300.1", directory: bin, source: "PATH" });
  assert.equal(obtained, false);
});

test("an engine that is too old, or cannot run Node programs, is passed over and named in the message", async (t) => {
  const [old, bare] = [folder(t), folder(t)];
  pulumi(old, "3.258.9");
  pulumi(bare, "3.260.0", []);
  // The two must not lend each other their parts.
  for (const part of HOSTS) fs.unlinkSync(path.join(old, part));
  const none = (tried: string) => (): Promise<Attempt> => Promise.resolve({ engine: null, tried });
  await assert.rejects(
    obtainEngine({ ...machine(t, [old, bare]), download: none("no way out"), build: none("no go") }),
    (error: Error) => {
      assert.match(error.message, /1\. put `pulumi` 3\.259\.0 or newer on PATH/);
      assert.ok(error.message.includes(`${path.join(old, "pulumi")} is 3.258.9`), error.message);
      assert.match(error.message, /comes without pulumi-language-nodejs and pulumi-resource-pulumi-nodejs/);
      assert.match(error.message, /2\. let this machine reach .*\n\s+\(no way out\)/);
      assert.match(error.message, /3\. install Go 1\.25\.11 or newer.*\n\s+\(no go\)/);
      return true;
    },
  );
});

test("npm's wrapper on PATH, which downloads when asked anything, is not asked", async (t) => {
  const bin = folder(t);
  const asked = path.join(bin, "asked");
  write(path.join(bin, "run.js"), `#!/bin/sh\ntouch ${asked}\n`, 0o755);
  fs.symlinkSync(path.join(bin, "run.js"), path.join(bin, "pulumi"));
  const own = machine(t, [bin]);
  const found = { engine: { version: "3.265.0", directory: "/x", source: "official release" }, tried: "" };
  assert.equal((await obtainEngine({ ...own, download: () => Promise.resolve(found) })).engine.source, "official release");
  assert.equal(fs.existsSync(asked), false);
});

test("an engine that is on this machine already is used without asking the network", async (t) => {
  const own = machine(t);
  const built = recipe(own).directory;
  pulumi(built, "3.259.0");
  assert.equal((await obtainEngine(own)).engine.directory, built);
  const { version } = JSON.parse(fs.readFileSync(path.join(root, "node_modules", "pulumi", "package.json"), "utf8")) as { version: string };
  const vendors = path.join(own.home, ".pulumi", "versions", version, "bin");
  pulumi(vendors, version);
  assert.deepEqual((await obtainEngine(own)).engine, { version, directory: vendors, source: "official release" });
});

test("without a network the download is given up within seconds, and not tried again by the next run", async (t) => {
  const own = machine(t);
  // A server that takes the connection and never answers: the case in which programs hang for minutes.
  const hole = http.createServer(() => undefined).listen(0, "127.0.0.1");
  t.after(() => {
    hole.closeAllConnections();
    hole.close();
  });
  await new Promise((resolve) => hole.once("listening", resolve));
  const urls = [`http://127.0.0.1:${(hole.address() as AddressInfo).port}/install.sh`];
  const first = await downloadOfficial({ ...own, urls, probeMs: 300 });
  assert.equal(first.engine, null);
  assert.match(first.tried, /127\.0\.0\.1:\d+: no answer within 0\.3 s/);
  const noNode = { executable: "/nonexistent" };
  assert.equal((await downloadOfficial({ ...own, urls, node: noNode })).tried, first.tried);
  const later = await downloadOfficial({ ...own, urls, node: noNode, now: () => Date.now() + 2 * 3_600_000 });
  assert.notEqual(later.tried, first.tried, "an hour later the network may be back");
});

test("a proxy that refuses is a reason, not a crash", async (t) => {
  const own = machine(t);
  own.env["HTTPS_PROXY"] = "http://127.0.0.1:9";
  const { engine, tried } = await downloadOfficial(own);
  assert.equal(engine, null);
  assert.match(tried, /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|127\.0\.0\.1:9/);
});

/** A `go` that takes a moment and makes programs that answer for the real ones; what it was asked is in `calls`. */
function fakeGo(directory: string, options: { version?: string; failAt?: string } = {}): string {
  const calls = path.join(directory, "calls");
  script(
    path.join(directory, "go"),
    `case "$1" in
env) echo ${options.version ?? "go1.26.8"}; exit 0;;
esac
echo "$1" >> ${calls}
[ "$1" = "${options.failAt ?? ""}" ] && { echo "no route to the mirror" >&2; exit 1; }
[ "$1" = list ] && { echo a; echo b; exit 0; }
while [ "$1" != -o ]; do shift; done
sleep 0.2
printf '#!/bin/sh\\necho v3.259.0\\n' > "$2"; chmod +x "$2"`,
  );
  return calls;
}

test("runs that start together build once and all get a whole engine", async (t) => {
  const bin = folder(t);
  const calls = fakeGo(bin);
  const own = machine(t, [bin]);
  const driver = `
    const { obtainEngine } = require(${JSON.stringify(path.join(root, "toolchain/engine/find.cjs"))});
    const { createLog } = require(${JSON.stringify(path.join(root, "toolchain/io/log.cjs"))});
    obtainEngine({ root: ${JSON.stringify(root)}, node: {}, log: createLog(), download: async () => ({ engine: null, tried: "" }) })
      .then(({ engine }) => console.log(engine.directory + " " + require("fs").readdirSync(engine.directory).length));`;
  const runs = await Promise.all([1, 2, 3].map(() => run(process.execPath, ["-e", driver], { env: own.env })));
  for (const { stdout, stderr } of runs) assert.equal(stdout, `${recipe(own).directory} 3\n`, stderr);
  assert.equal(fs.readFileSync(calls, "utf8"), "list\nbuild\nbuild\n");
  assert.deepEqual(fs.readdirSync(own.cache), [recipe(own).key], "no drafts and no locks stay behind");
});

test("what a killed builder left, lock and half an engine, does not stop the next one", async (t) => {
  const bin = folder(t);
  fakeGo(bin);
  const own = machine(t, [bin]);
  const dead = spawnSync("true").pid;
  const { key, directory } = recipe(own);
  write(path.join(own.cache, `.draft-${dead}-${key}`, "pulumi"), "half");
  write(path.join(directory, "pulumi"), "", 0o755);
  write(path.join(own.cache, `${key}.lock`), JSON.stringify({ pid: dead, ticks: 1, host: os.hostname() }));
  const { engine } = await buildEngine(own);
  assert.equal(engine?.directory, directory);
  assert.deepEqual(fs.readdirSync(own.cache), [key]);
});

test("a build that fails says why and leaves nothing that looks like an engine", async (t) => {
  for (const failAt of ["list", "build"]) {
    const bin = folder(t);
    fakeGo(bin, { failAt });
    const own = machine(t, [bin]);
    const { engine, tried } = await buildEngine(own);
    assert.equal(engine, null);
    assert.match(tried, /failed: .*no route to the mirror/);
    assert.deepEqual(fs.readdirSync(own.cache), []);
  }
});

test("a Go that is too old is not tried", async (t) => {
  const bin = folder(t);
  const calls = fakeGo(bin, { version: "go1.25.10" });
  const own = machine(t, [bin]);
  const { engine, tried } = await buildEngine({ ...own, env: { ...own.env, PATH: bin }, goPlaces: [] });
  assert.equal(engine, null);
  assert.match(tried, /go is go1\.25\.10/);
  assert.equal(fs.existsSync(calls), false);
});
