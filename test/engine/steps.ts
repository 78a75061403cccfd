/** What engine tests do and look at again and again. */
import assert from "node:assert/strict";
import type { CommandResult, ScratchStack } from "./stack";
import { until } from "./until";

export interface Vendor {
  instances: { id: string; name: string; status: string; instance_type: { name: string } }[];
  filesystems: { id: string; name: string }[];
  keys: { id: string; name: string }[];
}

export async function atVendor(scratch: ScratchStack): Promise<Vendor> {
  return {
    instances: (await scratch.vendor<Vendor["instances"]>("/instances")).filter((instance) => !["terminated", "terminating"].includes(instance.status)),
    // Only what they are: how much lies on one changes while a job writes.
    filesystems: (await scratch.vendor<Vendor["filesystems"]>("/file-systems")).map(({ id, name }) => ({ id, name })),
    keys: await scratch.vendor<Vendor["keys"]>("/ssh-keys"),
  };
}

/** Waits until the queue has closed with at least this many complete cells and nothing writes any more. `run`: its name, where several are live. */
export async function rosterComplete(scratch: ScratchStack, cells = 2, run: readonly string[] = []): Promise<void> {
  await until("the roster is complete", async () => {
    const status = await scratch.holdfast("status", ...run, "--json");
    if (status.exitCode !== 0) return false;
    const parsed = JSON.parse(status.output) as { closed?: { complete: string[] } | null; writer?: string };
    return parsed.closed && parsed.closed.complete.length >= cells && parsed.writer === "none";
  });
}

export async function succeeds(step: Promise<CommandResult>): Promise<string> {
  const { exitCode, output } = await step;
  assert.equal(exitCode, 0, output);
  return output;
}

export async function refused(step: Promise<CommandResult>, pattern: RegExp): Promise<string> {
  const { exitCode, output } = await step;
  assert.notEqual(exitCode, 0, output);
  assert.match(output, pattern);
  assert.doesNotMatch(output, /^\s+at .*\(.*:\d+:\d+\)/m, "a refusal shows no stack");
  return output;
}
