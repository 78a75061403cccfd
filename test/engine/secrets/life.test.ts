/** The whole life of a run with every kind of secret in it: none is anywhere but in the one 0600 file that it is allowed in. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { OriginServer } from "../../remote/originServer";
import { withScratch, type ScratchStack } from "../stack";
import { atVendor, refused, succeeds } from "../steps";
import { until } from "../until";
import { ArgumentWatch, leaksBelow, namesIn, type Secret } from "./leaks";

/** Found by its core, however the rest is quoted; the rest is what quoting goes wrong on. */
const core = (name: string): string => `${name}-${randomBytes(16).toString("hex")}`;
const awkward = (value: string): string => `${value}'"\\ $HOME\`id\``;
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

interface Machine {
  readonly id: string;
  readonly disk: string;
  readonly alive: boolean;
}

test("no secret of a run's life is in state, ledgers, logs, arguments, outputs or the vendor's request log", async (t: TestContext) => {
  const origin = await OriginServer.start();
  t.after(() => origin.stop());
  const [first, second, token] = [core("wandb"), core("rotated"), core("token")];
  const secrets: Secret[] = [{ name: "WANDB_API_KEY", value: first }, { name: "rotated WANDB_API_KEY", value: second }, { name: "DATA_TOKEN", value: token }];
  const data = origin.put("/set.bin", randomBytes(100_000));
  const watch = new ArgumentWatch(() => secrets);
  t.after(() => { watch.stop(); });

  await withScratch({}, async (scratch) => {
    const outputs: string[] = [];
    const said = async (step: Promise<string>): Promise<string> => {
      const output = await step;
      outputs.push(output);
      return output;
    };
    mkdirSync(join(scratch.directory, "t"));
    const withSecrets = (wandb: string): void => { scratch.extraEnvironment = { WANDB_API_KEY: awkward(wandb), DATA_TOKEN: awkward(token), TMPDIR: join(scratch.directory, "t") }; };
    scratch.extraEnvironment = { TMPDIR: join(scratch.directory, "t") };
    secrets.push({ name: "API key", value: readFileSync(join(scratch.sandboxDirectory, "api-key"), "utf8").trim() });
    scratch.writeJob((job) =>
      job
        .replace("command: python3 train.py", 'command: printf %s "$WANDB_API_KEY" | sha256sum >> "$HOLDFAST_OUTPUT_DIR/key.txt" && test -s "$HOLDFAST_INPUT_SET" && python3 train.py')
        .replace("roster:", `secrets: [WANDB_API_KEY, DATA_TOKEN]\ninputs:\n  - {name: set, source: "${origin.url}/set.bin", sha256: ${data}}\nroster:`),
    );
    await said(refused(scratch.up(), /WANDB_API_KEY, DATA_TOKEN|not in the environment/));
    assert.deepEqual((await atVendor(scratch)).instances, [], "nothing is bought for a job that cannot start");
    withSecrets(first);
    await said(succeeds(scratch.pulumi("preview", "--stack", scratch.stack)));
    await said(succeeds(scratch.up()));
    secrets.push(...(await jupyterTokens(scratch)), ...privateKeys(scratch));
    await complete(scratch, ["a", "b"]);
    const machine = await machineOf(scratch);
    const file = join(machine.disk, "home", "holdfast", "secrets", "quick");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(namesIn(readFileSync(file), secrets).includes("WANDB_API_KEY"));

    // Rotated: noticed although nothing else changed, and only the new value is left on the instance.
    withSecrets(second);
    await said(succeeds(scratch.pulumi("preview", "--stack", scratch.stack)));
    assert.match(await said(succeeds(scratch.up())), /new values of WANDB_API_KEY are on the instance/);
    assert.deepEqual([statSync(file).mode & 0o777, namesIn(readFileSync(file), secrets).includes("WANDB_API_KEY")], [0o600, false]);
    assert.match(await said(succeeds(scratch.up())), /unchanged/);

    // A cell that runs while the machine reboots goes on with the secret that lies there.
    scratch.writeJob((job) => job.replace('  - {name: b, args: ["3"]}', '  - {name: b, args: ["3"]}\n  - {name: c, args: ["200", "0.1"]}'));
    await said(succeeds(scratch.up()));
    await until("cell c to train", async () => (await cells(scratch)).get("c")?.newestCheckpoint != null);
    await scratch.sandbox(`/instances/${machine.id}/reboot`, { method: "POST", body: {} });
    await until("the machine to be back", async () => (await machineOf(scratch)).alive && (await scratch.holdfast("status", "--json")).output.includes('"writer": "none"'));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    scratch.writeJob((job) => job.replace('["200", "0.1"]}', '["200", "0.1"]}\n  - {name: d, args: ["3"]}'));
    await said(succeeds(scratch.up()));
    await complete(scratch, ["a", "b", "c", "d"]);

    for (const words of [["status"], ["status", "--json"], ["ls"], ["ls", "--json"], ["plan"], ["plan", "--json"], ["ledger"], ["ledger", "--json"], ["logs", "c"], ["doctor"], ["audit"], ["metrics"]]) outputs.push((await scratch.holdfast(...words)).output);
    await said(succeeds(scratch.holdfast("pull")));
    const pulled = join(scratch.directory, ".holdfast", "pulled", "scratch", "test", "quick", "cells");
    const seen = (cell: string): string[] => readFileSync(join(pulled, cell, "key.txt"), "utf8").trim().split("\n").map((line) => line.slice(0, 64));
    assert.deepEqual([seen("a"), seen("c"), seen("d")], [[sha256(awkward(first))], [sha256(awkward(second)), sha256(awkward(second))], [sha256(awkward(second))]]);
    outputs.push(JSON.stringify(await scratch.resources()), (await scratch.pulumi("stack", "history", "--json", "--show-secrets", "--stack", scratch.stack)).output);
    // What lies on the instance and on its file system while it lives, the vendor's own books apart.
    const disks = [machine.disk, join(scratch.sandboxDirectory, "filesystems")].flatMap((folder) => leaksBelow(folder, secrets, (path) => path === join("home", "holdfast", "secrets", "quick")));
    assert.deepEqual(disks, []);

    const name = scratch.custody().view().resources.get("instance")?.name;
    assert.ok(name);
    await said(refused(scratch.destroy(), /approv/i));
    await said(succeeds(scratch.holdfast("approve", "--confirm", name)));
    await said(succeeds(scratch.destroy()));
    outputs.push((await scratch.holdfast("ledger")).output, JSON.stringify(await scratch.sandbox("/requests")));

    assert.deepEqual(namesIn(Buffer.from(outputs.join("\n")), secrets), [], "in what commands print, or in the request log");
    assert.deepEqual(leaksBelow(scratch.directory, secrets, isAllowed), []);
    for (const folder of [join(scratch.directory, ".holdfast", "keys"), sshFolder(scratch)]) {
      for (const entry of readdirSync(folder).filter((path) => namesIn(readFileSync(join(folder, path)), secrets).length > 0)) assert.equal(statSync(join(folder, entry)).mode & 0o777, 0o600, entry);
    }
    watch.stop();
    assert.ok(watch.looks > 100, `the arguments were looked at ${watch.looks} times`);
    assert.deepEqual([...watch.leaks], []);
  });
});

/** Private keys where they are kept, and the sandbox's own books: the vendor's secrets are the vendor's. */
function isAllowed(path: string, name: string): boolean {
  if (path.startsWith(join(".holdfast", "sandbox"))) return !path.endsWith(".log");
  return name === "private key" && (path.startsWith(join(".holdfast", "keys")) || path.startsWith(join(".holdfast", "runs", "scratch", "test", "quick", "ssh")));
}

const sshFolder = (scratch: ScratchStack): string => scratch.custody().paths.ssh;

/** The lines of every private key that only the private half has. */
function privateKeys(scratch: ScratchStack): Secret[] {
  return [join(scratch.directory, ".holdfast", "keys"), sshFolder(scratch)].flatMap((folder) =>
    readdirSync(folder).flatMap((entry) => {
      const text = readFileSync(join(folder, entry), "utf8");
      if (entry === "secrets.key") return [{ name: "private key", value: text.trim() }];
      if (!text.includes("PRIVATE KEY")) return [];
      const lines = text.trim().split("\n").slice(1, -1);
      // The first lines of OpenSSH's format say the kind and repeat the public half.
      const own = lines.length > 2 ? lines.slice(2, -1) : lines;
      return own.map((value) => ({ name: "private key", value }));
    }),
  );
}

/** The vendor's list of instances carries working logins. */
async function jupyterTokens(scratch: ScratchStack): Promise<Secret[]> {
  const instances = await scratch.vendor<{ jupyter_token?: string }[]>("/instances");
  const tokens = instances.flatMap(({ jupyter_token: value }) => (value === undefined ? [] : [{ name: "Jupyter token", value }]));
  assert.ok(tokens.length > 0);
  return tokens;
}

async function machineOf(scratch: ScratchStack): Promise<Machine> {
  const [machine] = await scratch.sandbox<Machine[]>("/instances");
  assert.ok(machine);
  return machine;
}

interface SeenCell {
  readonly cell: string;
  readonly state: string;
  readonly newestCheckpoint: unknown;
}

async function cells(scratch: ScratchStack): Promise<Map<string, SeenCell>> {
  const status = await scratch.holdfast("status", "--json");
  if (status.exitCode !== 0) return new Map();
  return new Map((JSON.parse(status.output) as { cells?: SeenCell[] }).cells?.map((cell) => [cell.cell, cell]) ?? []);
}

async function complete(scratch: ScratchStack, names: readonly string[]): Promise<void> {
  await until(`cells ${names.join(", ")} to be complete and the queue to end`, async () => {
    const status = await scratch.holdfast("status", "--json");
    if (status.exitCode !== 0) return false;
    const parsed = JSON.parse(status.output) as { closed?: { complete: string[] } | null; writer?: string };
    return parsed.writer === "none" && names.every((name) => parsed.closed?.complete.includes(name));
  });
}
