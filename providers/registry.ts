/**
 * The package's export `holdfast/provider`: what the constant line in state calls. It turns a kind into the object that
 * Pulumi's dynamic provider expects and keeps that protocol's rules in one place: plain JSON outputs with the inputs in
 * them, clean errors, nothing asynchronous in `configure`.
 */
import { flushCompileCache } from "node:module";
import { assertFreshBuild } from "./build";
import { createContext } from "./context";
import { leaveWithEngine } from "./engine";
import { runId } from "../custody/formats";
import { lookForDrift, lookForStall } from "./drift";
import type { Binding, Context, Kind, Props } from "./kind";
import { PartialCreate, runOf } from "./kind";
import { isKindName, kindNames, loadKind } from "./kinds";
import { RemoteUnreachable } from "../custody/remote";
import { messageOf, UserError } from "../custody/userError";
import { createOrKeepPlace, isPlace } from "./waiting";

interface DynamicProvider {
  check(olds: Props, news: Props): Promise<{ inputs: Props; failures: readonly { property: string; reason: string }[] }>;
  diff(id: string, olds: Props, news: Props): Promise<{ changes: boolean; replaces: readonly string[]; deleteBeforeReplace: boolean }>;
  create(inputs: Props): Promise<{ id: string; outs: Props }>;
  read(id: string, olds: Props): Promise<{ id: string; props: Props }>;
  update(id: string, olds: Props, news: Props): Promise<{ outs: Props }>;
  delete(id: string, olds: Props): Promise<void>;
}

/** The provider of one kind. Throws for a kind this version does not know. */
export function provider(name: string): DynamicProvider {
  try {
    assertFreshBuild();
  } catch (error) {
    throw clean(error);
  }
  if (!isKindName(name)) {
    throw clean(
      new UserError(`This version of Holdfast does not know the resource kind "${name}" (it knows ${kindNames.join(", ")}).`, {
        next: ["install the version of Holdfast that made the stack, or a newer one"],
      }),
    );
  }
  watchEngine();
  let loaded: Promise<Kind> | undefined;
  const kind = (): Promise<Kind> => (loaded ??= loadKind(name));
  const context = () => createContext(process.cwd());
  /** Every operation but a look: with what other machines know, and shared afterwards. */
  const inStepWith = async <T>(props: Props, deletes: boolean, operation: (context: Context) => Promise<T>): Promise<T> => {
    const given = context();
    const binding = props["binding"] as Binding | undefined;
    if (binding === undefined) return operation(given);
    const shared = await import("./sharedCustody/inStep.js");
    return shared.inStep({ projectRoot: given.projectRoot, clock: given.clock, run: runOf(binding), deletes, say: (message) => { given.say(message); } }, () => operation(given));
  };

  return {
    async check(_olds, news) {
      return guarded(async () => ({ inputs: news, failures: (await kind()).check?.(news) ?? [] }));
    },
    async diff(id, olds, news) {
      return guarded(async () => {
        assertSameCustody(olds, news);
        assertSameRun(olds, news);
        if (isPlace(olds)) return { changes: true, replaces: ["waiting"], deleteBeforeReplace: true };
        const implementation = await kind();
        const { changes, replaces = [], note } = implementation.diff(olds, news);
        if (note !== undefined) context().say(note);
        const drift = replaces.length > 0 ? null : await lookForDrift(implementation, id, olds, context);
        const stalls = !changes && drift === null && (await lookForStall(implementation, id, olds, context));
        // The option says so too; an option that somebody's transform took away would otherwise buy a second one first.
        return { changes: changes || stalls || drift !== null, replaces: drift === null ? replaces : [drift.property], deleteBeforeReplace: true };
      });
    },
    async create(inputs) {
      return guarded(async () => {
        const { id, outs } = await inStepWith(inputs, false, async (given) => createOrKeepPlace(await kind(), inputs, given));
        return { id, outs: complete(inputs, outs) };
      }, inputs);
    },
    async read(id, olds) {
      // A read that lost the id would drop the resource, and with it the gate, from state: what is not found is marked.
      return guarded(async () => {
        const implementation = await kind();
        if (!implementation.read || isPlace(olds)) return { id, props: olds };
        return { id, props: plainJson({ ...olds, ...(await inStepWith(olds, false, async (given) => implementation.read?.(id, olds, given))) }) };
      });
    },
    async update(id, olds, news) {
      return guarded(async () => {
        assertSameCustody(olds, news);
        assertSameRun(olds, news);
        if (isPlace(olds)) return { outs: complete(news, olds) };
        return { outs: complete(news, await inStepWith(news, false, async (given) => (await kind()).update(id, olds, news, given))) };
      }, news);
    },
    async delete(id, olds) {
      return guarded(async () => {
        if (!isPlace(olds)) await inStepWith(olds, true, async (given) => (await kind()).delete(id, olds, given));
      });
    },
  };
}

/**
 * A checkout without the custody folder gets a new, empty store, and with it an empty ledger: an update would go on as if
 * nothing had ever been made, pulled or approved.
 */
function assertSameCustody(olds: Props, news: Props): void {
  const idOf = (props: Props): unknown => (props["binding"] as { custodyId?: unknown } | undefined)?.custodyId;
  const [before, now] = [idOf(olds), idOf(news)];
  if (typeof before !== "string" || typeof now !== "string" || before === now) return;
  throw new UserError(`This stack was made under the custody store ${before}; the one of this checkout is ${now} and knows nothing of it. Nothing was changed.`, {
    code: "custody-elsewhere",
    next: [`holdfast recover ${runId(runOf(news["binding"] as Binding))} (brings the evidence here from the durable tier)`, "export HOLDFAST_CUSTODY_DIR=DIRECTORY (when the store is in another folder of this machine)"],
  });
}

/** A stack or project that was renamed under its resources: their artifacts and evidence lie under the old name, and an update would begin another run beside them. */
function assertSameRun(olds: Props, news: Props): void {
  const [before, now] = [olds, news].map((props) => props["binding"] as Binding | undefined);
  if (before === undefined || now === undefined || runId(runOf(before)) === runId(runOf(now))) return;
  throw new UserError(`What this stack owns belongs to run ${runId(runOf(before))}, and the program now calls it ${runId(runOf(now))}: the stack or the project was renamed. Nothing was changed.`, {
    code: "run-renamed",
    next: [`give it its old name again (pulumi stack rename ${before.stack}; the project is named ${before.project} in Pulumi.yaml)`, "or end the run first: pulumi destroy"],
  });
}

/** Outputs must hold the inputs verbatim, since diff and delete see outputs only. */
const complete = (inputs: Props, outs: Props): Props => plainJson({ ...outs, ...inputs });

/** No undefined, no Date: an undefined inside a partial create hangs the engine's client and loses the resource. */
const plainJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

let underWay = 0;
let watching = false;

function watchEngine(): void {
  if (watching) return;
  watching = true;
  leaveWithEngine(() => underWay === 0);
}

async function guarded<T>(operation: () => Promise<T>, inputs?: Props): Promise<T> {
  underWay += 1;
  try {
    return await operation();
  } catch (error) {
    if (error instanceof PartialCreate && inputs !== undefined) throw partial(error as PartialCreate<Props>, inputs);
    throw clean(error);
  } finally {
    underWay -= 1;
    // Node writes its compile cache when a process exits by itself, and the engine ends providers otherwise.
    if (underWay === 0) flushCompileCache();
  }
}

/** The shape by which the dynamic provider tells the engine that something exists although the operation failed. */
function partial(error: PartialCreate<Props>, inputs: Props): Error {
  const message = messageOf(error.cause);
  return Object.assign(clean(new UserError(message)), { id: error.id, properties: complete(inputs, error.outs), reasons: [message] });
}

/**
 * The SDK's provider process logs `${error}: ${error.stack}` of what a delete or diff throws, and the engine prints the message
 * with the resource. A refusal is meant for a person: once, there. Bugs keep their stack.
 */
function clean(error: unknown): Error {
  if (error instanceof Error && !isForPeople(error)) {
    if (process.env["HOLDFAST_DEBUG"]) console.error(error.stack);
    return error;
  }
  const result = new Error(messageOf(error));
  result.toString = () => "holdfast";
  result.stack = "refused; why, and what to do next, is said below with the resource";
  return result;
}

const isForPeople = (error: Error): boolean => error instanceof UserError || error instanceof RemoteUnreachable;
