/** The custody store: readable, its key private and trusted, every ledger's chain unbroken, every document valid. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { openCustody } from "../../custody";
import type { Custody } from "../../custody";
import type { Clock } from "../../custody/clock";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Check } from "./check";

/** Stacks of this project's runs; none when the store cannot be opened. */
export function stacksOfRuns(projectRoot: string, clock: Clock): string[] {
  try {
    return openCustody(projectRoot, { clock }).runs().map((ref) => ref.stack);
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

export function custodyChecks(projectRoot: string, clock: Clock): Check[] {
  let custody: Custody;
  try {
    custody = openCustody(projectRoot, { clock });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error.code === "no-custody") return [{ name: "custody", state: "note", detail: "none yet: the first pulumi up makes it" }];
    return [{ name: "custody", state: "fault", detail: error.message, next: error.next }];
  }
  const store: Check = { name: "custody", state: "ok", detail: `${custody.id} in ${custody.root}` };
  return [store, keyModes(custody), ...guarded("trust", () => trustCheck(custody)), ...custody.runs().flatMap((ref) => guarded(`ledger of ${runId(ref)}`, () => ledgerCheck(custody, ref)))];
}

function keyModes(custody: Custody): Check {
  const folders = [join(custody.root, "keys"), ...custody.runs().map((ref) => custody.run(ref).paths.ssh)];
  const files = folders.filter(existsSync).flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const open = files.filter((file) => !/(\.pub|known_hosts|\.gitignore)$/.test(file)).filter((file) => statSync(file).isFile() && (statSync(file).mode & 0o077) !== 0);
  if (open.length === 0) return { name: "private keys", state: "ok", detail: "readable by you only" };
  return { name: "private keys", state: "fault", detail: `others can read ${open.join(", ")}`, next: open.map((file) => `chmod 600 '${file}'`) };
}

function trustCheck(custody: Custody): Check {
  const trust = custody.trust();
  const own = custody.signer();
  const entry = trust.keys.get(own.keyId);
  if (!entry) return { name: "trust", state: "note", detail: `this machine's key is not in ${trust.path}: it can sign nothing that counts`, next: ["holdfast trust export, for somebody who may change that file", "or pull and approve from a machine that is trusted"] };
  return { name: "trust", state: "ok", detail: `${trust.keys.size} keys in ${trust.path}; this machine may ${[...entry.roles].join(", ")}` };
}

function ledgerCheck(custody: Custody, ref: Parameters<Custody["run"]>[0]): Check {
  const run = custody.run(ref);
  const name = `ledger of ${runId(ref)}`;
  const entries = run.entries();
  const problems = run.evidenceProblems();
  if (problems.length > 0) return { name, state: "fault", detail: problems.map((problem) => `${problem.file}: ${problem.problem}`).join("; "), next: [`holdfast recover ${runId(ref)}`] };
  const intents = run.view().openIntents;
  if (intents.length > 0) return { name, state: "note", detail: `${entries.length} entries, chain unbroken; ${intents.length} launch without a known outcome`, next: ["pulumi up (looks at the vendor and resolves it)", "holdfast audit"] };
  return { name, state: "ok", detail: `${entries.length} entries, chain unbroken` };
}

function guarded(name: string, check: () => Check): Check[] {
  try {
    return [check()];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ name, state: "fault", detail: error.message, next: error.next }];
  }
}
