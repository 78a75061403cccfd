// What the pickle reader holds on its stack instead of Python objects: just enough to know which tensors a checkpoint names, and where.
import type { TorchDtype } from "./dtypes.js";

export type Symbolic =
  | null
  | boolean
  | number
  | bigint
  | string
  | typeof opaque
  | LongText
  | BytesValue
  | TupleValue
  | Placed
  | GlobalName
  | StorageValue
  | NumpyType;

/** A value whose content does not matter: floats, layouts, devices. */
export const opaque = Symbol("opaque");

/** A text too long to be a name; only its length in characters matters. */
export class LongText {
  constructor(readonly characters: number) {}
}

export class BytesValue {
  constructor(readonly length: number) {}
}

export class TupleValue {
  readonly held: Held;

  constructor(readonly items: readonly Symbolic[]) {
    this.held = sumHeld(items);
  }
}

/** What loading gives back with a value: tensors, and their elements. One that is there twice counts twice. */
export interface Held {
  readonly tensors: number;
  readonly elements: number;
}

const nothing: Held = { tensors: 0, elements: 0 };

export const heldBy = (value: Symbolic): Held => (value instanceof TupleValue || value instanceof Placed ? value.held : nothing);

export function sumHeld(values: readonly Symbolic[]): Held {
  let [tensors, elements] = [0, 0];
  for (const value of values) {
    const held = heldBy(value);
    tensors += held.tensors;
    elements += held.elements;
  }
  return tensors === 0 ? nothing : { tensors, elements };
}

/** A class or function that the pickle names. It is a name here and never anything else. */
export class GlobalName {
  constructor(readonly name: string) {}
}

/** Bytes that live in the archive's entry data/KEY. */
export interface StorageRecord {
  readonly key: string;
  readonly type: string;
  readonly dtype: TorchDtype | undefined;
  readonly bytes: number;
}

export class StorageValue {
  constructor(readonly record: StorageRecord) {}
}

export class NumpyType {
  constructor(
    /** As numpy writes it: letter and size, "f8". */
    readonly type: string,
    readonly itemBytes: number | undefined,
  ) {}
}

/** Something that sits in a dict or list under a key; the chain of keys is its name in messages. */
export class Placed {
  parent: Placed | undefined;
  key: string | undefined;
  #held = nothing;

  get held(): Held {
    return this.#held;
  }

  /** Members, or the state, that have just become part of it. */
  hold(values: readonly Symbolic[]): void {
    const more = sumHeld(values);
    if (more.tensors > 0) this.#held = { tensors: this.#held.tensors + more.tensors, elements: this.#held.elements + more.elements };
  }

  place(parent: Placed, key: string): void {
    if (this.key !== undefined) return;
    this.parent = parent;
    this.key = key;
  }

  /** "model.layer.weight" */
  get path(): string {
    return pathOf(this, 0).join(".");
  }
}

/** Forged files can make values parents of each other, hence the bound. */
function pathOf(value: Placed | undefined, depth: number): string[] {
  return value?.key === undefined || depth > 32 ? [] : [...pathOf(value.parent, depth + 1), value.key];
}

/** Dict, list or set; its members are not kept, only how many there were, which were tensors, and whether telling keys were among them. */
export class Container extends Placed {
  size = 0;
  #keys: Set<string | number> | undefined;
  #tellingKeys: Set<string> | undefined;
  #tensorKeys: string[] | undefined;

  constructor(readonly kind: "dict" | "list" | "set") {
    super();
  }

  /** False when the dict has the key already: loading would drop what stands under it. */
  addKey(key: string | number): boolean {
    this.#keys ??= new Set();
    const { size } = this.#keys;
    return this.#keys.add(key).size > size;
  }

  noteKey(key: string, item: unknown): void {
    if (tellingKeys.has(key)) (this.#tellingKeys ??= new Set()).add(key);
    if (item instanceof TensorValue) (this.#tensorKeys ??= []).push(key);
  }

  /** Keys that stand for a tensor, tied ones under each of theirs. */
  get tensorKeys(): readonly string[] {
    return this.#tensorKeys ?? [];
  }

  /** The state of a learning rate scheduler or of a gradient scaler, which holds no tensor when it is whole. */
  get isPlainState(): boolean {
    const keys = this.#tellingKeys;
    if (keys === undefined) return false;
    const scheduler = keys.has("last_epoch") && (keys.has("_step_count") || keys.has("_last_lr") || keys.has("num_bad_epochs"));
    return scheduler || (keys.has("growth_factor") && keys.has("_growth_tracker"));
  }
}

// Source: state_dict of LRScheduler and ReduceLROnPlateau (torch/optim/lr_scheduler.py) and of GradScaler (torch/amp/grad_scaler.py).
const tellingKeys = new Set(["last_epoch", "_step_count", "_last_lr", "num_bad_epochs", "growth_factor", "_growth_tracker"]);

/** An object of a class on the list. */
export class Instance extends Placed {
  constructor(
    readonly type: string,
    /** Whether BUILD may follow. */
    readonly takesState: boolean,
  ) {
    super();
  }
}

export class TensorValue extends Placed {
  elements = 0;

  override get held(): Held {
    return { tensors: 1, elements: this.elements };
  }
}

export class NumpyArray extends Placed {
  filled = false;
  /** Of floats; other arrays are no parameters. */
  floats = 0;

  override get held(): Held {
    return { tensors: this.floats === 0 ? 0 : 1, elements: this.floats };
  }
}
