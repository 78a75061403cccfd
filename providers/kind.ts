/**
 * What one kind of resource does. Kinds are registered by name in registry.ts; the text that Pulumi stores in state
 * only names the kind, so today's code runs at destroy (see dynamic.ts).
 */
import type { Clock } from "../custody/clock";
import type { CopyPlaces, Custody, RunCustody } from "../custody";
import type { CapacityWaiting, RunRef } from "../custody/formats";

/** Which run a resource belongs to and which custody store keeps its evidence. Part of every own resource's inputs. */
export interface Binding {
  readonly custodyId: string;
  readonly project: string;
  readonly stack: string;
  readonly run: string;
}

export const runOf = (binding: Binding): RunRef => ({ project: binding.project, stack: binding.stack, name: binding.run });

/** JSON that Pulumi can store: no undefined, no Date, no functions. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };
export type Props = { readonly [key: string]: unknown };

/** What a provider operation is given besides its inputs; everything with a side effect goes through it. */
export interface Context {
  readonly projectRoot: string;
  readonly clock: Clock;
  /** Where a pulled copy counts. */
  copies(): CopyPlaces;
  /** The custody store, refused with a UserError when it is not the one the resource was made under. */
  custody(binding: Binding): Custody;
  run(binding: Binding): RunCustody;
  /** Progress for the person at the terminal; passed through by the engine. Never a secret. */
  say(message: string): void;
  /**
   * Call before each billable request: throws when the engine that started this process no longer listens,
   * since the provider outlives a killed command line and would go on buying.
   */
  assertEngineAlive(): Promise<void>;
}

export interface DiffResult {
  readonly changes: boolean;
  /** Names of inputs whose change needs a replacement. */
  readonly replaces?: readonly string[];
  /** For the person: what cannot be told from here. */
  readonly note?: string;
}

/** How the real thing differs from state in a way that only a replacement mends. */
export interface Drift {
  /** An output, shown by the engine as what forces the replacement. */
  readonly property: string;
  /** For the person: what was seen, and what comes in its place. */
  readonly why: string;
}

export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

/** `I`: inputs. `O`: outputs, always the inputs verbatim plus what was observed. */
export interface Kind<I extends Props = Props, O extends I = I> {
  /** Offline and quick: the engine runs checks one at a time. */
  check?(news: I): readonly CheckFailure[];
  diff(olds: O, news: I): DiffResult;
  /**
   * Looks at the real thing, so that a plain update notices a loss without a refresh. Asked at every diff, previews included:
   * quick, changes nothing, writes no ledger. What it throws, or an answer that takes too long, counts as "not looked".
   */
  drift?(id: string, olds: O, context: Context): Promise<Drift | null>;
  /** The same look for what an update mends: why the real thing stands still, or null. Asked only where nothing else has changed. */
  stall?(id: string, olds: O, context: Context): Promise<string | null>;
  create(inputs: I, context: Context): Promise<{ readonly id: string; readonly outs: O }>;
  /** Absent for gate and audit. What is not found is returned with `missing: true`, never dropped. */
  read?(id: string, olds: O, context: Context): Promise<O>;
  update(id: string, olds: O, news: I, context: Context): Promise<O>;
  /** Returns only when the thing is confirmed gone. */
  delete(id: string, olds: O, context: Context): Promise<void>;
}

/**
 * Thrown by create when nothing was made because there is no capacity yet: state keeps the place, the update goes on and ends
 * well, and the next one tries again. `outs` are the outputs that the thing will have, as null for now.
 */
export class NotYet extends Error {
  constructor(
    readonly waiting: CapacityWaiting,
    readonly outs: Readonly<Record<string, null>>,
  ) {
    super(`waiting for capacity since ${waiting.since}`);
    this.name = "NotYet";
  }
}

/**
 * Thrown by create when something exists although the operation failed: Pulumi records the resource with its
 * properties, so that the next `up` updates it and a destroy deletes it.
 */
export class PartialCreate<O extends Props> extends Error {
  constructor(
    readonly id: string,
    readonly outs: O,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
    this.name = "PartialCreate";
  }
}
