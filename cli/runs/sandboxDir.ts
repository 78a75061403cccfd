/** Where this project's sandbox lives, and one line about it. */
import { join, resolve } from "node:path";

/** --dir, else HOLDFAST_SANDBOX_DIR, else .holdfast/sandbox in the project. */
export function sandboxDirectory(projectRoot: () => string, env: NodeJS.ProcessEnv, cwd: string, given?: string): string {
  if (given !== undefined) return resolve(cwd, given);
  return env.HOLDFAST_SANDBOX_DIR ? resolve(cwd, env.HOLDFAST_SANDBOX_DIR) : join(projectRoot(), ".holdfast", "sandbox");
}

export async function describeSandbox(projectRoot: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { daemonStatus } = await import("../../sandbox/index.js");
  const status = await daemonStatus(sandboxDirectory(() => projectRoot, env, projectRoot));
  if (!status.running) return "not running; the dev stack starts it when it needs it";
  return `running at ${status.descriptor.url}, ${status.instances.length} instances, ${status.meter.billing.length} things on its meter`;
}
