/** A copy that is the storage itself under another name goes with it. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RemoteExecOptions, RemoteResult } from "../../../custody";
import { liesOn } from "../../../providers/teardown/sameStorage";
import { LocalRemote } from "../../custody/localRemote";
import { temporaryFolder } from "../../custody/support";

/** A machine whose root is a folder of this one, as a mount of it would show it. */
class Elsewhere extends LocalRemote {
  constructor(private readonly root: string) {
    super();
  }

  override exec(argv: readonly string[], options?: RemoteExecOptions): Promise<RemoteResult> {
    return super.exec(argv.map((word) => (word.startsWith("/lambda/") ? join(this.root, word) : word)), options);
  }
}

const state = "/lambda/nfs/data/holdfast/digits/dev/sweep/state";
const storages = [{ root: "/lambda/nfs/data", folder: state }];

test("a folder below anything that shows the run's storage is no copy; one that only resembles it is", async (context) => {
  const folder = temporaryFolder(context);
  const root = join(folder, "machine");
  const storage = join(root, "lambda", "nfs", "data");
  const copy = join(folder, "pulled", "holdfast", "digits", "dev", "sweep");
  for (const made of [join(root, state), join(storage, "backup", "cells"), join(copy, "state"), join(copy, "cells"), join(folder, "linked")]) mkdirSync(made, { recursive: true });
  symlinkSync(storage, join(folder, "mounted"));
  symlinkSync(join(storage, "holdfast", "digits", "dev", "sweep", "cells"), join(folder, "linked", "cells"));
  mkdirSync(join(storage, "holdfast", "digits", "dev", "sweep", "cells"));
  const shows = (...folders: readonly string[]): Promise<boolean> => liesOn(new Elsewhere(root), storages, folders);

  assert.equal(await shows(copy, join(copy, "cells")), false);
  assert.equal(await shows(join(storage, "holdfast", "digits", "dev", "sweep")), true, "the run's own directory");
  assert.equal(await shows(join(folder, "mounted", "backup", "cells")), true, "another folder of the storage, through a mount");
  assert.equal(await shows(join(root, "home", "me", "pulled")), true, "the machine's own disk, mounted from its root; the folder need not exist");
  assert.equal(await shows(join(folder, "linked"), join(folder, "linked", "cells")), true, "a link inside the copy");
  assert.equal(await shows(), false);
  assert.deepEqual(readdirSync(join(root, state)), [], "no mark is left");
});

test("a tier that takes no mark is not taken for a copy", async (context) => {
  const folder = temporaryFolder(context);
  assert.equal(await liesOn(new Elsewhere(join(folder, "machine")), storages, [folder]), false);
  assert.equal(existsSync(join(folder, "machine")), false);
});

test("on the machine itself only what lies on the same storage is no copy", async (context) => {
  const folder = temporaryFolder(context);
  const own = { root: join(folder, "nfs"), folder: join(folder, "nfs", "run", "state") };
  for (const made of [own.folder, join(folder, "nfs", "backup"), join(folder, "disk")]) mkdirSync(made, { recursive: true });
  assert.equal(await liesOn(new LocalRemote(), [own], [join(folder, "nfs", "backup")]), true);
  assert.equal(await liesOn(new LocalRemote(), [own], [join(folder, "disk")]), false);
});
