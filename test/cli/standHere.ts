/** A run whose artifacts lie on this machine, which is reached through a real sshd. */
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RunCustody } from "../../custody";
import type { Plan } from "../../profiles/plan";
import { durableTier } from "../custody/durableTier";
import type { PrivateSshd } from "../integration/ssh/sshd";
import type { TestProject } from "./project";

/** The run of `declareRun`; its machine is this one, its run directory a folder of the project. */
export function standHere(project: TestProject, sshd: PrivateSshd): { run: RunCustody; directory: string } {
  const config = readFileSync(join(project.root, "Pulumi.dev.yaml"), "utf8");
  project.write("Pulumi.dev.yaml", config.replace("storage: delete, require: pulled", "storage: keep, require: verifiedInPlace"));
  const run = project.declareRun();
  const { directory } = durableTier(join(project.root, "tier"));
  // Scripts go to the own disk, which is this machine's: into a folder of the project, not the image's home.
  const { plan, endpoint, roster } = { ...run.view(), roster: [...run.view().roster] };
  run.append("run.declared", { run: run.ref, custodyId: project.custody.id, endpoint, roster, plan: { ...(plan as Plan), ownDisk: { ...(plan as Plan).ownDisk, home: join(project.root, "home") } } });
  const { host, port, user, keyPath } = sshd.target;
  run.append("address.changed", { instance: "i-1", host, port, user });
  // Asked only whether it is a mount point, which this is everywhere.
  run.append("resource.created", { role: "job", kind: "RemoteJob", id: "job-digits", name: "job-digits", details: { directory, scripts: resolve("remote"), spec: "s", code: "c", session: "t", mountPoint: "/proc", filesystemId: "fs-1" } });
  mkdirSync(run.paths.ssh, { recursive: true, mode: 0o700 });
  copyFileSync(keyPath, join(run.paths.ssh, "lab-key"));
  return { run, directory };
}
