import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FolderPlace, RemoteFolderPlace, RemoteUnreachable, UserError } from "../../../custody";
import { LocalRemote, SilentRemote } from "../localRemote";
import { temporaryFolder } from "../support";
import { placeTests } from "./placeContract";

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "holdfast-shared-"));
  folders.push(made);
  return made;
};
after(() => { for (const made of folders) rmSync(made, { recursive: true, force: true }); });

placeTests("a folder", () => {
  const root = join(folder(), "team");
  return Promise.resolve({ place: new FolderPlace(root), again: new FolderPlace(root) });
});

placeTests("a folder on a host", () => {
  const root = join(folder(), "team store");
  const open = (): RemoteFolderPlace => new RemoteFolderPlace(new LocalRemote(), root, `ssh://user@host${root}`);
  return Promise.resolve({ place: open(), again: open() });
});

test("a connection that dies after the ledger was put in place is no reason to write it again", async (context) => {
  const remote = new LocalRemote();
  const root = temporaryFolder(context);
  const place = new RemoteFolderPlace(remote, root, "ssh://host/store");
  let cut = true;
  remote.afterExec = (argv, result) => {
    if (!cut || !argv.some((word) => word.includes("flock"))) return result;
    cut = false;
    return { ...result, exitCode: "unknown" };
  };
  assert.notEqual(await place.replace("ledger.jsonl", "line\n", null), null);
  assert.deepEqual(readdirSync(root).filter((name) => name.includes(".new-")), []);
});

test("a host without a lock of the kernel is refused, not trusted to be alone", async (context) => {
  const remote = new LocalRemote();
  remote.afterExec = (argv, result) => (argv.some((word) => word.includes("flock")) ? { ...result, exitCode: 48 } : result);
  const place = new RemoteFolderPlace(remote, temporaryFolder(context), "ssh://host/store");
  await assert.rejects(place.replace("ledger.jsonl", "line\n", null), (error) => error instanceof UserError && /no program "flock"/.test(error.message));
});

test("a host that does not answer is unreachable, not empty", async () => {
  const place = new RemoteFolderPlace(new SilentRemote(), "/store", "ssh://host/store");
  await assert.rejects(place.read("custody.json"), RemoteUnreachable);
  await assert.rejects(place.list("runs"), RemoteUnreachable);
});
