/**
 * How a rule is written: it yields findings, each with what, where, why here and what to type instead. A value that is
 * not known at preview skips the check that needed it, never the others.
 */
import type { EnforcementLevel, PolicyResource, ResourceValidationArgs, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import type { PolicyConfigJSONSchema } from "@pulumi/policy/schema";
import { masked } from "./secretLooks";
import { isUnknownValue } from "./unknown";

/** What it quotes is masked where it looks like a secret: messages are printed and kept by the engine. */
export interface Finding {
  /** Property path as the reader typed it: `job.env.TOKEN`, `image`. */
  readonly where: string;
  readonly what: string;
  /** Why it loses data or money on this platform. */
  readonly why: string;
  readonly gotchas: readonly string[];
  readonly instead: string;
}

/**
 * Reads one value. One that only the update will know comes back as undefined and is reported after everything else
 * was judged.
 */
export type Peek = <T>(read: () => T) => T | undefined;

/** One independent question; reading an unknown value other than through `peek` ends only this one. */
export type Check = (peek: Peek) => Iterable<Finding>;

interface About<C extends object> {
  /** Kebab-case; the key in a policy config file. */
  readonly name: string;
  readonly description: string;
  /** Gotcha ids that the rule covers. */
  readonly gotchas: readonly string[];
  /** Mandatory where data, unbounded money or a secret is at stake. */
  readonly level: EnforcementLevel;
  /** Every key of the rule's config with its default... */
  readonly defaults: C;
  /** ...and its schema. */
  readonly config: { readonly [K in keyof C]: PolicyConfigJSONSchema };
}

/** Changes the properties in place; only where nothing can be lost by it. Runs only at level `remediate`. */
type Remedy<C> = (props: Record<string, unknown>, type: string, config: C) => void;

export type ResourceRule = ResourceValidationPolicy & { readonly gotchas: readonly string[] };
export type StackRule = StackValidationPolicy & { readonly gotchas: readonly string[] };
export type Rule = ResourceRule | StackRule;

export function resourceRule<C extends object>(about: About<C>, judge: (resource: ResourceValidationArgs, config: C) => readonly Check[], remedy?: Remedy<C>): ResourceRule {
  const configured = (args: Pick<ResourceValidationArgs, "getConfig">): C => ({ ...about.defaults, ...args.getConfig<Partial<C>>() });
  return {
    ...metadata(about),
    validateResource: (resource, report) => {
      // Roles of one object share what bounds it: said once.
      const said = new Set<string>();
      const unknown = run(judge(resource, configured(resource)), (finding) => {
        const message = render(finding);
        if (!said.has(message)) report(message);
        said.add(message);
      });
      if (unknown !== null) throw unknown;
    },
    ...(remedy && {
      remediateResource: (resource) => {
        remedy(resource.props as Record<string, unknown>, resource.type, configured(resource));
        return resource.props as Record<string, unknown>;
      },
    }),
  };
}

export function stackRule<C extends object>(about: About<C>, judge: (resources: readonly PolicyResource[], config: C) => readonly { readonly urn: string; readonly check: Check }[]): StackRule {
  return {
    ...metadata(about),
    validateStack: (stack, report) => {
      let unknown: Error | null = null;
      for (const { urn, check } of judge(stack.resources, { ...about.defaults, ...stack.getConfig<Partial<C>>() })) {
        const here = run([check], (finding) => {
          report(render(finding), urn);
        });
        unknown = here ?? unknown;
      }
      if (unknown !== null) throw unknown;
    },
  };
}

/** Thrown on by the caller after everything else was judged: the engine prints which value was not known. */
function run(checks: readonly Check[], report: (finding: Finding) => void): Error | null {
  let unknown: Error | null = null;
  const peek: Peek = (read) => {
    try {
      return read();
    } catch (thrown) {
      if (!isUnknownValue(thrown)) throw thrown;
      unknown = thrown;
      return undefined;
    }
  };
  for (const check of checks) {
    peek(() => {
      for (const finding of check(peek)) report(finding);
    });
  }
  return unknown;
}

export const render = ({ where, what, why, gotchas, instead }: Finding): string =>
  masked(`${where}: ${what}.\n  Why: ${why}${gotchas.length === 0 ? "" : ` (${gotchas.join(", ")})`}.\n  Instead: ${instead}.`);

const metadata = <C extends object>({ name, description, gotchas, level, config }: About<C>) => ({
  name,
  description,
  gotchas,
  enforcementLevel: level,
  tags: [...gotchas],
  configSchema: { properties: { ...(config as Record<string, PolicyConfigJSONSchema>) } },
});
