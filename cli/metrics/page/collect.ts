/** Collects what the page says: the ledger and its evidence, one look at the machine, curves, and the pulled copy where it is to be read again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunCustody, RunView } from "../../../custody";
import type { LedgerEntry, Manifest } from "../../../custody/formats";
import { runId } from "../../../custody/formats";
import { RemoteUnreachable } from "../../../custody/remote";
import { UserError } from "../../../custody/userError";
import { explainProfile, profileFor, type Profile, type Table } from "../../../profiles";
import type { Plan } from "../../../profiles/plan";
import { looksSecret, splitWords } from "../../../policy/secretLooks";
import { plainTitles, titlesOf } from "../../render/teardown";
import { runClocks } from "../../runs/clocks";
import { costOf } from "../../../custody/cost";
import { recallLook } from "../../runs/lastLook";
import { activityOf } from "../../runs/overview";
import { isLive } from "../../runs/project";
import type { RemoteStatus } from "../../runs/remoteStatus";
import { readStatus } from "../../runs/status";
import { verifyAgainst } from "../../runs/verifyCopy";
import type { Session } from "../../terminal";
import type { Axis } from "../curve";
import { figureOf } from "../curve";
import { chosenMetrics } from "../render";
import { newestCopy, readMetrics, type RunMetrics } from "../source";
import type { Dossier, DossierCell, DossierEvidence, PricedResource } from "./dossier";

export interface PageOptions {
  readonly copyOnly: boolean;
  /** null: all. */
  readonly cells: readonly string[] | null;
  readonly metrics: readonly string[] | null;
  readonly axis: Axis;
  readonly log: boolean;
  /** Read the pulled copy once more, every byte. */
  readonly verify: boolean;
}

/** What cannot be found out is a problem of the page, not a failure; throws UserError for a broken ledger or an unknown metric. */
export async function collectDossier(session: Session, run: RunCustody, options: PageOptions): Promise<Dossier> {
  const entries = run.entries();
  const view = run.view();
  const now = session.clock.now();
  const plan = view.plan as Plan | null;
  const profile = knownProfile(view.endpoint.platform);
  const problems: string[] = profile === null ? [`This version does not know the platform ${view.endpoint.platform}.`] : [];
  const status = await lookOnce(session, run, view, options.copyOnly, problems);
  const manifest = newestManifest(run, view, problems);
  const metrics = await curves(session, run, view, options.copyOnly, problems);
  const shown = metrics?.cells.filter(({ cell }) => options.cells?.includes(cell) ?? true) ?? [];
  const cost = costOf(entries, now);
  const state = isLive(view) ? "live" : "ended";
  return {
    run: runId(run.ref),
    platform: { id: view.endpoint.platform, title: profile?.title ?? view.endpoint.platform, api: view.endpoint.api },
    state,
    activity: state === "ended" ? "ended" : activityOf(view, status?.status ?? null),
    version: version(),
    at: now.toISOString(),
    seenAt: status?.at ?? null,
    view,
    plan,
    titles: profile === null ? plainTitles : titlesOf(profile),
    survival: profile === null ? null : survivalOf(profile, now),
    cells: cellsOf(view, plan, status?.status ?? null, manifest?.content ?? null),
    metrics: { cells: shown, figures: chosenMetrics(shown, options.metrics).map((metric) => figureOf(shown, metric, options.axis)), log: options.log, from: metrics?.from ?? null },
    cost: { ...cost, resources: pricedResources(view) },
    clocks: state === "live" ? runClocks(view, { now, closedAt: status?.status.closed?.at ?? null, cost }) : [],
    evidence: await evidenceOf(session, run, { entries, view, manifest, verify: options.verify }),
    problems,
  };
}

function knownProfile(platform: string): Profile | null {
  try {
    return profileFor(platform);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

function survivalOf(profile: Profile, now: Date): Table | null {
  return explainProfile(profile, { now }).tables.find(({ id }) => id === "survival") ?? null;
}

/** dist/cli/metrics/page/collect.js is four folders below the package. */
function version(): string {
  const manifest = JSON.parse(readFileSync(join(__dirname, "..", "..", "..", "..", "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

async function lookOnce(session: Session, run: RunCustody, view: RunView, copyOnly: boolean, problems: string[]): Promise<{ at: string; status: RemoteStatus } | null> {
  if (!copyOnly && isLive(view) && view.resources.has("job")) {
    const { unreachable } = await readStatus(session, run);
    if (unreachable !== null) problems.push(`The machine could not be asked: ${unreachable}. Cells are as they were last seen.`);
  }
  return recallLook(run, view.declaredAt);
}

function newestManifest(run: RunCustody, { newestManifest: newest }: RunView, problems: string[]): { sha256: string; content: Manifest | null } | null {
  if (newest === null) return null;
  try {
    return { sha256: newest.manifestSha256, content: run.manifest(newest.manifestSha256) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(error.message);
    return { sha256: newest.manifestSha256, content: null };
  }
}

async function curves(session: Session, run: RunCustody, view: RunView, copyOnly: boolean, problems: string[]): Promise<RunMetrics | null> {
  try {
    const metrics = await readMetrics(session, run, view, { copyOnly });
    if (metrics.from.instead !== null) problems.push(`${metrics.from.instead}: the curves are from the pulled copy.`);
    return metrics;
  } catch (error) {
    if (!(error instanceof RemoteUnreachable || error instanceof UserError)) throw error;
    problems.push(`There are no curves: ${error.message}`);
    return null;
  }
}

/** The machine's word, and the manifest's where it never was seen. */
function cellsOf(view: RunView, plan: Plan | null, status: RemoteStatus | null, manifest: Manifest | null): DossierCell[] {
  const seen = new Map(status?.cells.map((cell) => [cell.cell, cell]));
  const named = new Map(manifest?.cells.map((cell) => [cell.name, cell]));
  return [...new Set([...view.roster, ...seen.keys(), ...named.keys()])].map((name) => {
    const [cell, kept] = [seen.get(name), named.get(name)];
    const planned = plan?.cells.find((candidate) => candidate.name === name);
    return {
      name,
      state: cell?.state ?? kept?.state ?? "pending",
      attempt: cell?.attempt ?? null,
      exit: cell?.exit ?? kept?.exit ?? null,
      cause: cell?.cause ?? kept?.cause ?? null,
      startedAt: cell?.startedAt ?? null,
      endedAt: cell?.endedAt ?? null,
      command: planned === undefined ? null : withoutSecrets(planned.command),
      configSha256: planned?.configSha256 ?? null,
      artifacts: manifest === null ? null : artifactsOf(manifest, name),
    };
  });
}

function artifactsOf(manifest: Manifest, cell: string): DossierCell["artifacts"] {
  const files = manifest.files.filter((file) => file.cell === cell);
  const checkpoints = files.filter(({ path }) => path.includes("/checkpoints/")).sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
  const newest = checkpoints.at(-1);
  return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), newest: newest === undefined ? null : { path: newest.path, sha256: newest.sha256 } };
}

/** Bits per character from which on a long word counts as random; the policy pack's default. */
const entropyLimit = 4;

/** Policies refuse secrets in a command line; a page that is passed around does not rely on that. Exported for its tests. */
export function withoutSecrets(command: string): string {
  return splitWords(command).reduce((line, { name, value }) => (value !== "" && looksSecret(name, value, entropyLimit) !== null ? line.replaceAll(value, "[left out]") : line), command);
}

function pricedResources(view: RunView): PricedResource[] {
  const gone = view.deleted.map((resource) => ({ ...resource, until: resource.deletedAt }));
  const standing = view.live.map((resource) => ({ ...resource, until: null }));
  return [...gone, ...standing]
    .filter(({ role }) => !["gate", "audit", "job"].includes(role))
    .map(({ role, name, id, since, until, hourlyUsd, monthlyUsd }) => ({ role, name, id, since, until, hourlyUsd: hourlyUsd ?? null, monthlyUsd: monthlyUsd ?? null }));
}

async function evidenceOf(session: Session, run: RunCustody, known: { entries: readonly LedgerEntry[]; view: RunView; manifest: DossierEvidence["manifest"]; verify: boolean }): Promise<DossierEvidence> {
  const [first, last] = [known.entries[0], known.entries.at(-1)];
  return {
    ledger: { entries: known.entries.length, head: last?.hash ?? "", firstAt: first?.at ?? "", lastAt: last?.at ?? "" },
    manifest: known.manifest,
    receipts: run.receipts(),
    approvals: run.approvals(),
    standing: run.standing(),
    breakGlass: run.breakGlass(),
    faults: run.evidenceProblems().map(({ file, problem }) => `${file}: ${problem}`),
    copy: known.verify ? await readCopyAgain(session, run, known.view, known.manifest?.content ?? null) : null,
  };
}

async function readCopyAgain(session: Session, run: RunCustody, view: RunView, manifest: Manifest | null): Promise<DossierEvidence["copy"]> {
  const directory = newestCopy(run, view);
  if (directory === null || manifest === null) throw new UserError(`There is no pulled copy of ${runId(run.ref)} on this computer to read again.`, { code: "not-found", next: [`holdfast pull ${runId(run.ref)}`] });
  const { verdicts, faults } = await verifyAgainst(directory, manifest, { signal: session.signal, say: () => undefined });
  return { directory, files: verdicts.length, faults };
}
