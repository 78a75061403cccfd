/** The folder of a machine that was not made here: looked at, and listed byte for byte. Only the scripts that look are put beside it. */
import { z } from "zod";
import type { RunCustody } from "../../custody";
import { adoptedMachine, systemClock, totalBytes, type AdoptedMachine } from "../../custody";
import { takeAdoptedManifest, type AdoptedListing } from "../../custody/adoptedManifest";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import { pushScripts } from "../job/place";

const lookSchema = z.object({
  directory: z.string().startsWith("/"),
  home: z.string(),
  files: z.int().min(0),
  bytes: z.number().min(0),
  newest: z.object({ path: z.string(), bytes: z.number(), ageSeconds: z.number() }).nullable(),
  bytesFree: z.number().nullable(),
  leadingOut: z.array(z.string()),
});

/** What remote/folder.sh prints. `leadingOut`: links whose content lies outside of the folder, and is not copied with it. */
export type FolderLook = z.infer<typeof lookSchema>;

/** Throws RemoteUnreachable; UserError `folder-missing`, `folder-unreadable`. */
export async function lookAtFolder(remote: Remote, directory: string): Promise<FolderLook> {
  const scripts = await pushScripts(remote, await homeOn(remote));
  const result = await remote.exec(["sh", `${scripts}/folder.sh`, directory], { timeoutSeconds: 600 });
  switch (result.exitCode) {
    case 0:
      return parseLook(result.stdout, remote);
    case "unknown":
      throw new RemoteUnreachable(remote.description, `the connection ended while ${directory} was looked at`);
    case 40:
      throw new UserError(`There is no folder ${directory} on ${remote.description} that this user can enter.`, { code: "folder-missing", next: ["log in and look where the checkpoints are, then name that folder with --artifacts"] });
    default:
      throw new UserError(`${remote.description}: part of ${directory} cannot be read: ${result.stderr.trim().split("\n").slice(0, 3).join("; ")}`, { code: "folder-unreadable", next: ["make it readable there, or adopt it as a user who may read it"] });
  }
}

/** A fresh list of everything in the folder that nobody writes just now, saved in custody and noted in the ledger when it is news. Throws as takeRunManifest. */
export async function takeFolderManifest(run: RunCustody, remote: Remote): Promise<AdoptedListing> {
  const { id, directory } = standing(run);
  const scripts = await pushScripts(remote, await homeOn(remote));
  const there = await remote.exec(["test", "-d", directory]);
  if (there.exitCode === "unknown") throw new RemoteUnreachable(remote.description, `the connection ended while ${directory} was looked at`);
  if (there.exitCode !== 0) throw new UserError(`${remote.description}: ${directory} is not there any more: somebody moved or deleted it.`, { code: "folder-missing", next: [`holdfast ssh ${runId(run.ref)} (look where it went)`] });
  const listing = await takeAdoptedManifest(remote, { run: run.ref, directory, scripts, resource: id }, systemClock);
  const { manifest, beingWritten } = listing;
  const manifestSha256 = run.saveManifest(manifest);
  if (run.view().newestManifest?.manifestSha256 !== manifestSha256) {
    run.append("manifest.taken", { manifestSha256, files: manifest.files.length, bytes: totalBytes(manifest.files), closed: false });
  }
  if (beingWritten.length > 0) run.append("note", { text: `left out of manifest ${manifestSha256.slice(0, 12)}, being written: ${beingWritten.slice(0, 20).join(", ")}${beingWritten.length > 20 ? `, and ${beingWritten.length - 20} more` : ""}` });
  return listing;
}

function standing(run: RunCustody): AdoptedMachine {
  const machine = adoptedMachine(run.view());
  if (machine !== null) return machine;
  throw new UserError(`The machine of ${runId(run.ref)} is gone, or nobody looks at it any more.`, { code: "no-machine", next: [`holdfast ledger ${runId(run.ref)}`] });
}

async function homeOn(remote: Remote): Promise<string> {
  const { exitCode, stdout } = await remote.exec(["sh", "-c", 'cd && pwd -P']);
  if (exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended at the first question");
  const home = stdout.trim();
  if (exitCode !== 0 || !home.startsWith("/")) throw new UserError(`${remote.description}: this user has no home folder there, so the scripts that look have no place.`, { code: "no-home" });
  return home;
}

function parseLook(stdout: string, remote: Remote): FolderLook {
  try {
    return lookSchema.parse(JSON.parse(stdout));
  } catch {
    throw new UserError(`${remote.description}: folder.sh did not answer as expected.`, { code: "remote-command" });
  }
}
