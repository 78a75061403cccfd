/** Where a run's machine is when there is no ledger yet: from what the person says, else from the stack's Pulumi state. */
import type { RunRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { StateResource } from "./pulumiState";
import { exportState, ownKind } from "./pulumiState";
import { projectName } from "./pulumiProject";

export interface MachineHint {
  readonly address: { readonly host: string; readonly port: number; readonly user: string };
  readonly instanceId: string | null;
  /** The run's directory on the durable tier. */
  readonly directory: string;
  readonly sshKeyName: string | null;
}

/** `project/stack/name`, or `stack/name` of this project. Throws UserError. */
export function parseRunText(text: string, projectRoot: string): RunRef {
  const parts = text.split("/");
  const [project, stack, name] = parts.length === 2 ? [projectName(projectRoot), ...parts] : parts;
  if (parts.length > 3 || !project || !stack || !name) {
    throw new UserError(`"${text}" does not say which run: without a ledger it must be named in full.`, { code: "usage", next: [`holdfast recover ${projectName(projectRoot)}/STACK/NAME`] });
  }
  return { project, stack, name };
}

export async function findMachine(projectRoot: string, run: RunRef, env: NodeJS.ProcessEnv, given: { from?: string; directory?: string }): Promise<MachineHint> {
  const address = given.from === undefined ? null : parseAddress(given.from, "--from");
  if (address !== null && given.directory !== undefined) return { address, instanceId: null, directory: given.directory, sshKeyName: null };
  const resources = await exportState(projectRoot, run.stack, env);
  const known = resources === null ? null : machineInState(resources, run);
  const directory = given.directory ?? known?.directory;
  const found = address ?? known?.address;
  if (found !== undefined && directory !== undefined) return { address: found, instanceId: known?.instanceId ?? null, directory, sshKeyName: known?.sshKeyName ?? null };
  throw new UserError(
    resources === null ? `The Pulumi state of stack ${run.stack} cannot be read in this shell, so the machine must be named.` : `The Pulumi state of stack ${run.stack} holds no machine of ${runId(run)}.`,
    { code: "not-found", next: ['eval "$(npx holdfast env)"', `holdfast recover ${runId(run)} --from ubuntu@HOST --directory DIRECTORY --key FILE`] },
  );
}

/** Pure: the instance, job and key of a run as their resources' outputs name them. */
export function machineInState(resources: readonly StateResource[], run: RunRef): Partial<MachineHint> | null {
  const ours = resources.filter((resource) => (resource.outputs?.["binding"] as { run?: unknown } | undefined)?.run === run.name);
  const outputs = (kind: RegExp): Readonly<Record<string, unknown>> | undefined => ours.find((resource) => kind.test(ownKind(resource) ?? ""))?.outputs;
  const instance = outputs(/Instance$/);
  if (!instance || typeof instance["ip"] !== "string") return null;
  const job = outputs(/^RemoteJob$/);
  const key = outputs(/SshKey$/);
  return {
    address: { host: instance["ip"], port: typeof instance["sshPort"] === "number" ? instance["sshPort"] : 22, user: typeof instance["user"] === "string" ? instance["user"] : "ubuntu" },
    instanceId: typeof instance["instanceId"] === "string" ? instance["instanceId"] : null,
    sshKeyName: typeof key?.["name"] === "string" ? key["name"] : null,
    ...(typeof job?.["directory"] === "string" ? { directory: job["directory"] } : {}),
  };
}

/** `option` is named in the UserError. */
export function parseAddress(text: string, option: string): MachineHint["address"] {
  const match = /^([a-z_][a-z0-9_-]*)@([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(\d+))?$/.exec(text);
  if (!match) throw new UserError(`${option} is "${text}"; it must be user@host or user@host:port.`, { code: "usage", next: [`${option} ubuntu@192.0.2.7`] });
  return { user: match[1] ?? "", host: (match[2] ?? "").replace(/^\[|\]$/g, ""), port: Number(match[3] ?? 22) };
}
