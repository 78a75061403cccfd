/** The demo checks what it shows. A step that did not do what it should ends it with what was expected and what was seen. */

export class DemoFault extends Error {
  constructor(
    readonly step: string,
    readonly expected: string,
    readonly seen: string,
  ) {
    super(`${step}: expected ${expected}; saw ${seen}`);
    this.name = "DemoFault";
  }
}

/** Throws DemoFault unless `holds`. */
export function expect(step: string, expected: string, holds: boolean, seen: string): asserts holds {
  if (!holds) throw new DemoFault(step, expected, seen);
}

/** The end of a long output. */
export const tail = (text: string, lines = 25): string => text.trimEnd().split("\n").slice(-lines).join("\n");
