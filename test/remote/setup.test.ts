/** Setup: packages of a lock file and a script, once per instance, bounded, and its failure named by the line that says why. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { inParallel, underEachShell, until, type Rig } from "./rig";

const python = ["/usr/bin/python3", "python3"].find((candidate) => existsSync(candidate)) ?? "python3";

/** A folder of wheels that pip installs from, since no test leaves this machine; and "images" whose Python has a torch or has none. */
let shop: string;
before(() => {
  shop = mkdtempSync(join(tmpdir(), "holdfast-wheels-"));
  for (const [name, version] of [["tiny", "1.0"], ["torch", "9.9"], ["nvidia_cublas_cu12", "12.0"]] as const) makeWheel(name, version);
  for (const image of ["plain", "with-torch"]) execFileSync(python, ["-m", "venv", "--without-pip", "--system-site-packages", join(shop, image)]);
  const site = execFileSync(join(shop, "with-torch", "bin", "python"), ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], { encoding: "utf8" }).trim();
  mkdirSync(join(site, "torch"));
  writeFileSync(join(site, "torch", "__init__.py"), "__version__ = '2.4.1'\n");
  mkdirSync(join(site, "torch-2.4.1.dist-info"));
  writeFileSync(join(site, "torch-2.4.1.dist-info", "METADATA"), "Metadata-Version: 2.1\nName: torch\nVersion: 2.4.1\n");
});
after(() => { rmSync(shop, { recursive: true, force: true }); });

function makeWheel(name: string, version: string): void {
  const script = `
import sys, zipfile
name, version, folder = sys.argv[1:]
info = "%s-%s.dist-info/" % (name, version)
with zipfile.ZipFile("%s/%s-%s-py3-none-any.whl" % (folder, name, version), "w") as wheel:
    wheel.writestr(name + "/__init__.py", "__version__ = %r\\n" % version)
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n" % (name, version))
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
`;
  execFileSync(python, ["-c", script, name, version, shop]);
}

/** Lock file, its place on the instance and the environment in which pip finds the wheels. */
function giveLock(rig: Rig, lock: string, image: "plain" | "with-torch", changes: Readonly<Record<string, string | number>> = {}): void {
  rig.writeSpec({ a: imports, b: imports }, { env: `export PIP_NO_INDEX=1 PIP_FIND_LINKS='${shop}' PIP_NO_CACHE_DIR=1\n`, limits: changes });
  writeFileSync(join(rig.code, "requirements.lock"), lock);
  const target = join(rig.ownDisk, "packages", "0123");
  writeFileSync(join(rig.spec, "lock"), `path=requirements.lock\ntarget=${target}\npython=${join(shop, image, "bin", "python")}\n`);
  writeFileSync(join(rig.spec, "packages.env"), `export PYTHONPATH='${target}'"\${PYTHONPATH:+:$PYTHONPATH}" PATH='${target}'/bin:"$PATH"\n`);
  writeFileSync(join(rig.spec, "python"), join(shop, image, "bin", "python"));
}

/** What the payload's own interpreter finds. */
const imports = {
  command: `"$(cat "$(dirname "$0")/../../python")" -c 'import tiny
try:
    import torch; print(tiny.__version__, torch.__version__)
except ImportError: print(tiny.__version__, "no torch")' >"$HOLDFAST_OUTPUT_DIR/seen"\n`,
};

const setupState = (rig: Rig): { state: string; why: string | null; kept: string | null } => JSON.parse(rig.read("state", "setup.json")) as { state: string; why: string | null; kept: string | null };

inParallel("setup", () => {
  underEachShell("the image's torch is never replaced by the one of a lock file, and it is said so", async (rig) => {
    giveLock(rig, "# by hand\ntiny==1.0  # as always\ntorch==9.9 ; \\\n    python_version > '3'\nnvidia-cublas-cu12==12.0\n", "with-torch");
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log") + rig.read("logs", "setup.log"));
    assert.equal(rig.read("cells", "a", "seen"), "1.0 2.4.1\n");
    assert.deepEqual([setupState(rig).state, setupState(rig).kept], ["done", "torch 2.4.1 (the lock has torch==9.9)"]);
    assert.deepEqual(readdirSync(join(rig.ownDisk, "packages", "0123")).filter((name) => /torch|nvidia/.test(name)), []);
    assert.match(rig.read("logs", "setup.log"), /not needed beside the image's torch: nvidia-cublas-cu12/);
    assert.match(rig.read("logs", "queue.log"), /setup: kept from the image: torch 2\.4\.1/);
  });

  underEachShell("a lock file brings torch to an image that has none", async (rig) => {
    giveLock(rig, "tiny==1.0\ntorch==9.9\n", "plain");
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.equal(rig.read("cells", "b", "seen"), "1.0 9.9\n");
    assert.equal(setupState(rig).kept, null);
  });

  underEachShell("packages are installed once per instance, and again on the one that replaces it", async (rig) => {
    const installs = (): number => (rig.read("logs", "queue.log").match(/setup: installing/g) ?? []).length;
    giveLock(rig, "tiny==1.0\n", "plain");
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(installs(), 1);
    rig.loseOwnDisk();
    giveLock(rig, "tiny==1.0\n", "plain");
    rig.writeCell("c", imports);
    writeFileSync(join(rig.spec, "queue"), "a\nb\nc\n");
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
    assert.equal(installs(), 2);
    assert.equal(rig.read("cells", "c", "seen"), "1.0 no torch\n");
  });

  underEachShell("a package that is not to be had fails the cells with the line that says so, and half an installation is not used", async (rig) => {
    giveLock(rig, "tiny==1.0\nno-such-package==3.1\n", "plain");
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(["a", "b"].map((cell) => [rig.cell(cell).state, rig.cell(cell).cause]), [["failed", "setup"], ["failed", "setup"]]);
    const why = setupState(rig).why ?? "";
    const line = Number(/logs\/setup\.log line (\d+): .*no-such-package/.exec(why)?.[1]);
    assert.match(rig.read("logs", "setup.log").split("\n")[line - 1] ?? "", /ERROR.*no-such-package==3\.1/, why);
    assert.ok(!existsSync(join(rig.ownDisk, "packages", "0123")));
    const status = JSON.parse((await rig.run("status.sh", [rig.runDirectory])).stdout) as { setup: { why: string } };
    assert.equal(status.setup.why, why);
    // What is mended in place is tried again by the next queue.
    writeFileSync(join(rig.code, "requirements.lock"), "tiny==1.0\n");
    assert.equal((await rig.queue().finished).code, 0, rig.read("logs", "queue.log"));
  });

  underEachShell("a setup that never ends is ended, with everything it started, instead of billing for ever", async (rig) => {
    rig.writeSpec({ a: { command: "true\n" } }, { limits: { setup_max_seconds: 1 } });
    writeFileSync(join(rig.spec, "setup"), `trap '' TERM\nsleep 1000 & echo waiting for a prompt\nwhile :; do sleep 1; done\n`);
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(rig.cell("a").cause, "setup");
    assert.match(setupState(rig).why ?? "", /ended by Holdfast: setup took more than 1 s/);
    assert.deepEqual(rig.jobProcesses(), []);
  });

  underEachShell("a script of the setup has the packages of the lock file, and a stop ends it", async (rig) => {
    giveLock(rig, "tiny==1.0\n", "plain");
    writeFileSync(join(rig.spec, "setup"), `"$(cat "${rig.spec}/python")" -c 'import tiny' && touch "${rig.root}/found" && sleep 1000\n`);
    const queue = rig.queue();
    await until("the script to run", () => existsSync(join(rig.root, "found")));
    process.kill(queue.pid, "SIGTERM");
    assert.equal((await queue.finished).code, 60);
    assert.deepEqual(rig.jobProcesses(), []);
  });

  underEachShell("a line of an earlier instance's setup is not taken for the reason of this one", async (rig) => {
    rig.writeSpec({ a: { command: "true\n" } });
    writeFileSync(join(rig.spec, "setup"), "echo 'error: of long ago'; exit 0\n");
    assert.equal((await rig.queue().finished).code, 0);
    rig.loseOwnDisk();
    rig.writeSpec({ a: { command: "true\n" }, b: { command: "true\n" } });
    writeFileSync(join(rig.spec, "setup"), "echo fine so far; echo the disk is gone; exit 3\n");
    assert.equal((await rig.queue().finished).code, 10);
    assert.match(setupState(rig).why ?? "", /line 3: the disk is gone/);
  });
});

