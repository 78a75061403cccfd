/** Puts a job onto an instance: scripts, code and spec under content-hashed names, preflight, secrets, the detached queue. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../../custody/clock";
import type { RunRef } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import { packageRoot } from "../build";
import { shellWord } from "../ssh/outcome";
import { codeExcludes, hashCode } from "./code";
import type { JobPlace } from "./layout";
import { runDirectory, sessionName } from "./layout";
import type { LiveRun } from "./liveRun";
import { readLiveRun } from "./liveRun";
import { buildSpec, defaultFloors, specSha256 } from "./spec";

export interface JobContent {
  readonly run: RunRef;
  readonly plan: Plan;
  /** Absolute, on this machine. */
  readonly codeDirectory: string;
  readonly codeSha256: string;
  /** Paths in it that are not code. */
  readonly codeWithout: readonly string[];
  readonly mountPoint: string;
  readonly filesystemId: string;
}

/** A place with the hashes of what was pushed there. */
export interface PlacedJob extends JobPlace {
  readonly codeSha256: string;
  readonly scriptsSha256: string;
  readonly specSha256: string;
}

/** Where everything of the job will be, and the hashes in the names. Reads the scripts and the spec, pushes nothing. */
export function locateJob(content: JobContent): PlacedJob & { readonly specFiles: ReadonlyMap<string, string> } {
  const base = `${content.plan.ownDisk.home}/holdfast`;
  const specFiles = buildSpec(content.plan, content.mountPoint);
  const scriptsSha256 = hashCode(scriptsSource);
  const spec = specSha256(specFiles);
  const short = (sha256: string): string => sha256.slice(0, 12);
  return {
    directory: runDirectory(content.plan, content.mountPoint),
    scripts: scriptsFolder(content.plan.ownDisk.home, scriptsSha256),
    code: `${base}/code-${short(content.codeSha256)}`,
    spec: `${base}/spec-${short(spec)}`,
    session: sessionName(content.run),
    mountPoint: content.mountPoint,
    filesystemId: content.filesystemId,
    codeSha256: content.codeSha256,
    scriptsSha256,
    specSha256: spec,
    specFiles,
  };
}

const scriptsSource = join(packageRoot, "remote");

const scriptsFolder = (home: string, sha256: string): string => `${home}/holdfast/scripts-${sha256.slice(0, 12)}`;

/** Today's scripts on the machine, under their content's name: whatever looked there before, this version's eyes look now. */
export async function pushScripts(remote: Remote, home: string): Promise<string> {
  const folder = scriptsFolder(home, hashCode(scriptsSource));
  await remote.push(scriptsSource, folder);
  return folder;
}

/** Waits until the machine answers, bounded by `deadlineSeconds`; the first answer records its host key. */
export async function awaitMachine(remote: Remote, clock: Clock, deadlineSeconds: number): Promise<void> {
  const deadline = clock.now().getTime() + deadlineSeconds * 1000;
  for (;;) {
    try {
      const answer = await remote.exec(["true"], { timeoutSeconds: 20 });
      if (answer.exitCode === 0) return;
    } catch (error) {
      if (!(error instanceof RemoteUnreachable)) throw error;
    }
    if (clock.now().getTime() > deadline) {
      throw new UserError(`${remote.description} did not answer over SSH within ${deadlineSeconds} s. The instance stands and bills.`, {
        code: "ssh-timeout",
        next: ["pulumi up (tries again)", "pulumi destroy (ends it; no job was started)"],
      });
    }
    await clock.sleep(1000);
  }
}

/** Pushes scripts, code and spec; what is there under the same name has the same content and is left alone. */
export async function pushJob(remote: Remote, content: JobContent, place: ReturnType<typeof locateJob>): Promise<void> {
  const here = hashCode(content.codeDirectory, content.codeWithout);
  if (here !== content.codeSha256) {
    throw new UserError(`The code in ${content.codeDirectory} changed while the update ran; nothing was started.`, { code: "code-changed", next: ["the same command again"] });
  }
  await pushScripts(remote, content.plan.ownDisk.home);
  await remote.push(content.codeDirectory, place.code, { exclude: [...codeExcludes, ...content.codeWithout.map((path) => `/${path}`)] });
  await listPushed(remote, place.code);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-spec-"));
  try {
    for (const [path, text] of place.specFiles) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    await remote.push(folder, place.spec);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Keeps the names of what was pushed: the code directory is the payload's working directory, and what else appears there is data. */
async function listPushed(remote: Remote, directory: string): Promise<void> {
  const script = '[ -e "$1.list" ] || { (cd "$1" && find . ! -type d) > "$1.list.new" && mv -- "$1.list.new" "$1.list"; }';
  const result = await remote.exec(["sh", "-c", script, "sh", directory]);
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the pushed files were listed");
  if (result.exitCode !== 0) throw new UserError(`${remote.description}: the pushed files could not be listed: ${result.stderr.trim()}`, { code: "remote-command" });
}

/** Runs preflight.sh and refuses with everything it found, gotcha ids included. */
export async function preflight(remote: Remote, content: JobContent, place: JobPlace): Promise<void> {
  const { plan } = content;
  const bytes = Math.max(defaultFloors.bytes, (plan.resources.diskGiB ?? 0) * 1024 ** 3);
  const memoryBytes = Math.round((plan.resources.memoryGiB ?? 0) * 1024 ** 3);
  const needs = [bytes, defaultFloors.inodes, plan.resources.gpu?.count ?? 0].map(String);
  const argv = ["sh", `${place.scripts}/preflight.sh`, place.mountPoint, place.directory, ...needs, plan.host.python, String(memoryBytes)];
  const result = await remote.exec(argv, { timeoutSeconds: 180 });
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended during the preflight");
  if (result.exitCode === 0) return;
  const refusals = result.stdout.split("\n").filter((line) => line.startsWith("refuse "));
  const text = refusals.length > 0 ? refusals.map(describeRefusal).join("\n") : `  - preflight.sh ended with exit code ${result.exitCode}: ${result.stderr.trim()}`;
  throw new UserError(`The preflight on ${remote.description} refused; no job was started.\n${text}`, {
    code: "preflight",
    next: ["pulumi up (after the cause is mended; the instance is kept)", "pulumi destroy (no job was started, nothing needs pulling)"],
  });
}

function describeRefusal(line: string): string {
  const [, check = "", gotcha = "", ...detail] = line.split(" ");
  return `  - ${check} (${gotcha}): ${detail.join(" ")}`;
}

/** Starts the queue in a detached session and returns once it has taken the writer lock and opened its log. */
export async function startQueue(remote: Remote, place: JobPlace, clock: Clock): Promise<void> {
  // A start whose answer was lost is found again by looking: the same work, with a writer that lives.
  const earlier = await readLiveRun(remote, place);
  if (worksFrom(earlier, place) && earlier.writer === "alive") return;
  const before = earlier.epoch;
  // The queue sends its output to its log and so lets go of the terminal; a shell that stays keeps the session alive, since
  // tmux ends a session, and hangs up on what runs in it, once nothing holds its terminal.
  const line = `${["sh", `${place.scripts}/run_queue.sh`, place.directory, place.spec, place.code].map(shellWord).join(" ")}; exit $?`;
  const started = await remote.exec(["tmux", "new-session", "-d", "-s", place.session, line]);
  if (started.exitCode !== 0 && started.exitCode !== "unknown") {
    throw new UserError(`${remote.description}: the session ${place.session} could not be started: ${started.stderr.trim()}`, {
      code: "session",
      next: ["holdfast status (is an older queue still running?)", "holdfast logs"],
    });
  }
  // An unknown answer is resolved by looking: either the queue runs now, or it does not.
  const deadline = clock.now().getTime() + logDeadlineSeconds * 1000;
  for (;;) {
    const [{ epoch }, log] = [await readLiveRun(remote, place), await remote.exec(["test", "-s", `${place.directory}/logs/queue.log`])];
    if (epoch > before && log.exitCode === 0) return;
    if (clock.now().getTime() > deadline) {
      const tail = await remote.exec(["tail", "-n", "5", `${place.directory}/logs/queue.log`]);
      throw new UserError(`${remote.description}: the queue's log did not open within ${logDeadlineSeconds} s, so the job cannot be said to run. ${tail.stdout.trim()}`, {
        code: "log-not-open",
        next: ["holdfast ssh, then: tmux attach", "pulumi up (tries again)"],
      });
    }
    await clock.sleep(300);
  }
}

const logDeadlineSeconds = 60;

/** Whether the queue's spec and code are those of the place. */
export const worksFrom = (live: Pick<LiveRun, "spec" | "code">, place: Pick<JobPlace, "spec" | "code">): boolean =>
  live.spec === basename(place.spec) && live.code === basename(place.code);
