/** What an edit of a stack's files does to a run that stands: which changes replace what holds data. Pure; looks at no state. */
import type { PropertyPath, StackConfig } from "../../profiles";
import type { Plan, PlanCell } from "../../profiles/plan";
import type { ResolvedStack } from "./stackCheck";

/**
 * `data`: what holds the artifacts is replaced, deleted or no longer guarded. `machine`: the instance is replaced and its own disk
 * is lost. `queue`: cells are added, changed or taken away. `none`: worth knowing.
 */
export type ChangeEffect = "data" | "machine" | "queue" | "none";

export interface PlanChange {
  readonly path: PropertyPath;
  readonly before: string;
  readonly after: string;
  readonly effect: ChangeEffect;
  readonly says: string;
}

/** Worst first. */
export function changesBetween(base: ResolvedStack, head: ResolvedStack): PlanChange[] {
  const changes = [...identity(base, head), ...storage(base.plan, head.plan), ...teardown(base.plan, head.plan), ...machine(base, head), ...cells(base.plan, head.plan), ...money(base.plan, head.plan)];
  const order: readonly ChangeEffect[] = ["data", "machine", "queue", "none"];
  return changes.sort((a, b) => order.indexOf(a.effect) - order.indexOf(b.effect));
}

type Compare<T> = (was: T, is: T) => Pick<PlanChange, "effect" | "says"> | null;

/** One change where the two differ and `judge` has something to say. */
function* differs<T>(path: PropertyPath, was: T, is: T, judge: Compare<T>): Iterable<PlanChange> {
  if (JSON.stringify(was) === JSON.stringify(is)) return;
  const verdict = judge(was, is);
  if (verdict !== null) yield { path, before: shown(was), after: shown(is), ...verdict };
}

const shown = (value: unknown): string => (value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value));

const GUARDED = "`up` asks for a receipt and an approval first, as a destroy does";

function* identity(base: ResolvedStack, head: ResolvedStack): Iterable<PlanChange> {
  const all = (what: string) => () => ({ effect: "data" as const, says: `${what}: everything of the run is replaced, its durable storage too; ${GUARDED}` });
  yield* differs(["platform"], base.plan.platform, head.plan.platform, all("another platform"));
  yield* differs(["lambda", "endpoint"], base.config.lambda.endpoint, head.config.lambda.endpoint, all("another endpoint"));
  yield* differs(["job", "name"], base.plan.run.name, head.plan.run.name, () => ({ effect: "data", says: "another run: `up` refuses while the old one is live, because nobody would declare it any more" }));
}

function* storage(base: Plan, head: Plan): Iterable<PlanChange> {
  const replaced = (what: string) => ({ effect: "data" as const, says: `${what}: the durable storage is replaced, and the new one does not have the checkpoints; ${GUARDED}` });
  yield* differs(["storage"], base.storage.mode, head.storage.mode, () => replaced("storage from elsewhere"));
  // A name that is derived follows the run's name, which has a line of its own.
  if (base.run.name === head.run.name) yield* differs(["storage"], base.storage.name, head.storage.name, () => replaced("other storage"));
  yield* differs(["storage"], base.storage.region, head.storage.region, (_, region) => (region === null ? null : replaced("storage in another region, unless it stands there already")));
  yield* differs(["storage"], base.durable.tier, head.durable.tier, () => replaced("another tier"));
}

function* teardown(base: Plan, head: Plan): Iterable<PlanChange> {
  yield* differs(["teardown", "verb"], base.teardown.verb, head.teardown.verb, () => {
    const more = newlyLost(base, head);
    return { effect: more.length > 0 ? "data" : "none", says: more.length > 0 ? `the end of the run now loses ${more.join(", ")} too` : "another end of the instance, which loses no more than before" };
  });
  yield* differs(["teardown", "storage"], base.teardown.storage, head.teardown.storage, (_, storage) =>
    storage === "delete" ? { effect: "data", says: "the durable storage goes with the run: the pulled copy will be the only one" } : { effect: "none", says: "the durable storage stays after the run, and goes on billing" },
  );
  yield* differs(["teardown", "require"], base.teardown.require, head.teardown.require, (_, require) =>
    require === "verifiedInPlace" ? { effect: "data", says: "a destroy no longer asks for a copy elsewhere: the durable storage holds the only one" } : { effect: "none", says: "a destroy asks for a pulled copy" },
  );
  yield* differs(["disposable"], base.disposable, head.disposable, (_, disposable) =>
    disposable === null ? { effect: "none", says: "a destroy asks for a receipt and an approval" } : { effect: "data", says: "a destroy asks for the run's name only: no receipt, no approval" },
  );
}

function newlyLost(base: Plan, head: Plan): string[] {
  const lost = (plan: Plan): string[] => plan.teardown.deletions.flatMap(({ tiersLost }) => tiersLost);
  return [...new Set(lost(head))].filter((tier) => !lost(base).includes(tier));
}

const APPROVE_REPLACE = "the instance is replaced and its own disk is lost, the durable storage stays; needs `holdfast approve --replace instance`";

function* machine(base: ResolvedStack, head: ResolvedStack): Iterable<PlanChange> {
  const replaced = () => ({ effect: "machine" as const, says: APPROVE_REPLACE });
  if (head.plan.platform === "lambda") {
    yield* differs(["lambda", "image"], base.config.lambda.image, head.config.lambda.image, replaced);
    yield* differs(["lambda", "firewall"], base.config.lambda.firewall, head.config.lambda.firewall, (was, is) =>
      (was.length === 0) === (is.length === 0) ? { effect: "none", says: "the rules are edited in place" } : replaced(),
    );
  } else {
    const edited = editedSettings(base.config, head.config, head.plan.platform);
    if (edited.length > 0) yield { path: [head.plan.platform], before: "as it was", after: `other ${edited.join(", ")}`, effect: "machine", says: "settings of the platform: what stands may be replaced" };
  }
  yield* differs(["capacity", "candidates"], typesOf(base.plan), typesOf(head.plan), (was, is) => {
    const gone = was.filter((type) => !is.includes(type));
    if (is.length === 0 || (was.length > 0 && gone.length === 0)) return { effect: "none", says: "counts at the next launch" };
    return { effect: "machine", says: `where ${gone.length === 0 ? "another type" : gone.join(" or ")} stands: ${APPROVE_REPLACE}` };
  });
  yield* differs(["job", "resources"], base.plan.resources, head.plan.resources, () => ({ effect: "machine", says: `where the instance that stands does not fit: ${APPROVE_REPLACE}` }));
}

/** Names only: settings may hold paths and addresses that are nobody else's business. */
function editedSettings(base: StackConfig, head: StackConfig, platform: string): string[] {
  const block = (config: StackConfig): Record<string, unknown> => ((config as unknown as Record<string, unknown>)[platform] ?? {}) as Record<string, unknown>;
  const [was, is] = [block(base), block(head)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]));
}

const typesOf = ({ capacity }: Plan): string[] => capacity.candidates.map(({ type, region }) => (region === null ? type : `${type}@${region}`));

function* cells(base: Plan, head: Plan): Iterable<PlanChange> {
  const before = new Map(base.cells.map((cell) => [cell.name, cell]));
  const after = new Set(head.cells.map(({ name }) => name));
  const said = (path: PropertyPath, names: readonly string[], was: string, is: string, says: string): PlanChange[] =>
    names.length === 0 ? [] : [{ path, before: was === "" ? "none" : was, after: is === "" ? "none" : is, effect: "queue", says }];
  const added = head.cells.filter(({ name }) => !before.has(name)).map(({ name }) => name);
  const removed = base.cells.filter(({ name }) => !after.has(name)).map(({ name }) => name);
  const where = (differs: (was: PlanCell, is: PlanCell) => boolean): string[] =>
    head.cells.flatMap((cell) => {
      const was = before.get(cell.name);
      return was !== undefined && differs(was, cell) ? [cell.name] : [];
    });
  const changed = where((was, is) => was.configSha256 !== is.configSha256 || was.inputsSha256 !== is.inputsSha256);
  const recoded = where((was, is) => was.codeSha256 !== is.codeSha256).filter((name) => !changed.includes(name));
  yield* said(["job", "roster"], added, "", added.join(", "), "appended to the queue");
  yield* said(["job", "roster"], removed, removed.join(", "), "", "never run where the cell has not started; refused where it has: nobody would account for its artifacts");
  const [first] = changed;
  const at = head.cells.findIndex(({ name }) => name === first);
  yield* said(changed.length === head.cells.length - added.length ? ["job", "command"] : ["job", "roster", at], changed, changed.join(", "), changed.join(", "), "other command, arguments, environment or inputs; refused where the cell has started: its folder would hold a mixture");
  yield* said(["job", "code"], recoded, recoded.join(", "), recoded.join(", "), "other code or setup: reaches the cells that have not started; the others stay with theirs");
}

function* money(base: Plan, head: Plan): Iterable<PlanChange> {
  const usd = (amount: number | null): string => (amount === null ? "not bounded" : `$${amount.toFixed(2)}`);
  yield* differs(["budget"], usd(base.cost.worstCaseUsd), usd(head.cost.worstCaseUsd), () => ({ effect: "none", says: "worst-case cost" }));
}
