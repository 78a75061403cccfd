/** Copies of the evidence beside the artifacts: what lies in `<run directory>/custody/` on the durable tier. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SHA256_HEX } from "./canonical";
import { runId, type RunRef } from "./formats";
import { parseLedger } from "./ledger";
import { joinLedgers } from "./merging/join";
import type { Remote } from "./remote";
import { RemoteUnreachable } from "./remote";
import type { Trust } from "./signing/trust";
import { UserError } from "./userError";

/** Folders of the copy, named as in the run's own folder. */
export const COPIED_FOLDERS = ["manifests", "receipts", "approvals", "standing", "breakglass"] as const;
export const LEDGER_COPY = "ledger.jsonl";
export const CUSTODY_COPY = "custody.json";

export interface CopySource {
  readonly run: RunRef;
  readonly custodyId: string;
  readonly paths: { readonly ledger: string; readonly manifests: string; readonly receipts: string; readonly approvals: string; readonly standing: string; readonly breakGlass: string };
  readonly trust: Trust;
  /** Digest of the manifest taken last: its states may be newer than those of a copy under the same name. */
  readonly newest?: string;
}

/**
 * Writes every document first and the ledger last, so that a copy never speaks of documents that it lacks. Throws UserError
 * `ledgers-differ` rather than replace a copy that knows something which the ledger here does not.
 */
export async function copyCustody(remote: Remote, directory: string, source: CopySource): Promise<void> {
  const there = new Set(await listCopy(remote, directory));
  const { paths } = source;
  await remote.write(`${directory}/${CUSTODY_COPY}`, `${JSON.stringify({ v: 1, id: source.custodyId })}\n`, 0o644);
  for (const [folder, path] of [["manifests", paths.manifests], ["receipts", paths.receipts], ["approvals", paths.approvals], ["standing", paths.standing], ["breakglass", paths.breakGlass]] as const) {
    for (const name of documentsIn(path)) {
      if (there.has(`${folder}/${name}`) && name !== `${source.newest}.json`) continue;
      await remote.write(`${directory}/${folder}/${name}`, readFileSync(join(path, name)), 0o644);
    }
  }
  for (const key of source.trust.keys.values()) {
    const name = `keys/${key.keyId}.pub`;
    if (!there.has(name)) await remote.write(`${directory}/${name}`, key.publicKey.export({ type: "spki", format: "pem" }), 0o644);
  }
  const ledger = wholeLines(readFileSync(paths.ledger, "utf8"));
  if (there.has(LEDGER_COPY)) await assertContinues(remote, `${directory}/${LEDGER_COPY}`, ledger, source.run);
  await remote.write(`${directory}/${LEDGER_COPY}`, ledger, 0o644);
}

/** Another checkout may have gone on with the run and left its ledger there. */
async function assertContinues(remote: Remote, path: string, ledger: string, run: RunRef): Promise<void> {
  const copy = await remote.exec(["cat", "--", path]);
  if (copy.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the copy of the ledger was read");
  if (copy.exitCode === 0 && holdsAllOf(ledger, copy.stdout, run)) return;
  throw new UserError(`${remote.description}: the copy of the ledger in ${path} has lines that the one here does not have, so it was left as it is: another checkout went on with this run.`, {
    code: "ledgers-differ", next: [`holdfast recover ${runId(run)} (joins the two)`],
  });
}

function holdsAllOf(ledger: string, copy: string, run: RunRef): boolean {
  if (ledger.startsWith(copy)) return true;
  try {
    const { relation } = joinLedgers(parseLedger(ledger, run, "the ledger").entries, parseLedger(copy, run, "its copy").entries);
    return relation === "same" || relation === "ahead";
  } catch (error) {
    // A copy that cannot be believed is somebody's to look at, not ours to replace.
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** Names of the copy's files, relative to it; only names that custody itself gives. An absent folder is empty. */
export async function listCopy(remote: Remote, directory: string): Promise<string[]> {
  const result = await remote.exec(["sh", "-c", 'cd "$1" 2>/dev/null || exit 0; find . -type f', "sh", directory]);
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the copies of custody were listed");
  if (result.exitCode !== 0) throw new UserError(`${remote.description}: ${directory} cannot be listed: ${result.stderr.trim()}`, { code: "remote-command" });
  return result.stdout.split("\n").map((line) => line.replace(/^\.\//, "")).filter(isCopyName).sort();
}

/** What may be fetched from a tier that others can write to: no other name is touched. */
export function isCopyName(name: string): boolean {
  if (name === LEDGER_COPY || name === CUSTODY_COPY) return true;
  const [folder = "", file, ...rest] = name.split("/");
  if (file === undefined || rest.length > 0) return false;
  switch (folder) {
    case "manifests": return file.endsWith(".json") && SHA256_HEX.test(file.slice(0, -5));
    case "keys": return file.endsWith(".pub") && SHA256_HEX.test(file.slice(0, -4));
    case "receipts": case "approvals": case "standing": case "breakglass": return /^[a-z]{3}_[0-9a-f]{16,32}\.dsse\.json$/.test(file);
    default: return false;
  }
}

const documentsIn = (path: string): string[] => (existsSync(path) ? readdirSync(path).filter((name) => !name.startsWith(".tmp-")).sort() : []);

/** A line that is being written at this moment is not part of the copy. */
const wholeLines = (text: string): string => text.slice(0, text.lastIndexOf("\n") + 1);
