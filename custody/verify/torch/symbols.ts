// What the pickle reader holds on its stack instead of Python objects: just enough to know which tensors a checkpoint names, and where.
import type { StorageRecord } from "./tensors.js";

export type Symbolic =
  | null
  | boolean
  | number
  | bigint
  | string
  | Opaque
  | LongText
  | BytesValue
  | TupleValue
  | Placed
  | GlobalName
  | StorageValue
  | NumpyType;

/** A value whose content does not matter: floats, layouts, devices, sizes. */
export class Opaque {}
export const opaque = new Opaque();

/** A text too long to be a name; only its length in characters matters. */
export class LongText {
  constructor(readonly characters: number) {}
}

export class BytesValue {
  constructor(readonly length: number) {}
}

export class TupleValue {
  constructor(readonly items: readonly Symbolic[]) {}
}

/** A class or function that the pickle names. It is a name here and never anything else. */
export class GlobalName {
  constructor(readonly name: string) {}
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

  place(parent: Placed, key: string): void {
    if (this.key !== undefined) return;
    this.parent = parent;
    this.key = key;
  }

  /** "model.layer.weight"; forged files can make parents of each other, hence the bound. */
  get path(): string {
    const keys: string[] = [];
    for (let at: Placed | undefined = this; at?.key !== undefined && keys.length < 32; at = at.parent) keys.unshift(at.key);
    return keys.join(".");
  }
}

/** Dict, list or set; its members are not kept, only how many there were. */
export class Container extends Placed {
  size = 0;

  constructor(readonly kind: "dict" | "list" | "set") {
    super();
  }
}

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

export class TensorValue extends Placed {}

export class NumpyArray extends Placed {
  filled = false;
}
