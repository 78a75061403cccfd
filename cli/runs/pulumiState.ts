/** The state that Pulumi keeps of a stack, as `pulumi stack export` prints it. */
import { execa } from "execa";
import { projectEngineEnvironment } from "./projectEngine";

export interface StateResource {
  readonly urn: string;
  readonly id?: string;
  readonly type: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly parent?: string;
  readonly retainOnDelete?: boolean;
  readonly deletedWith?: string;
  readonly dependencies?: readonly string[];
}

/** null when there is no engine, no backend or no such stack here. */
export async function exportState(projectRoot: string, stack: string, env: NodeJS.ProcessEnv): Promise<readonly StateResource[] | null> {
  const result = await execa("pulumi", ["stack", "export", "--stack", stack, "--non-interactive"], {
    cwd: projectRoot, env: await projectEngineEnvironment(projectRoot, env), extendEnv: false, reject: false, stdin: "ignore", timeout: 60_000, maxBuffer: 1 << 28,
  });
  if (result.exitCode !== 0) return null;
  const state = JSON.parse(result.stdout) as { deployment?: { resources?: StateResource[] } };
  return state.deployment?.resources ?? [];
}

/** Own kinds: `LambdaInstance` of `pulumi-nodejs:dynamic/holdfast:LambdaInstance`; null for everybody else's resources. */
export const ownKind = (resource: StateResource): string | null => (resource.type.startsWith(own) ? resource.type.slice(own.length) : null);
const own = "pulumi-nodejs:dynamic/holdfast:";
