/**
 * The one error class that is meant for people. It prints as a paragraph: what is wrong, then what to type next.
 * Everything else that is thrown is a bug or a fault of the environment and keeps its stack.
 */
export class UserError extends Error {
  /** Commands or edits the reader can do next, in order. */
  readonly next: readonly string[];
  /** Stable machine-readable cause, kebab-case; printed by `--json`. */
  readonly code: string;

  constructor(message: string, options: { next?: readonly string[]; code?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "UserError";
    this.next = options.next ?? [];
    this.code = options.code ?? "user-error";
  }

  /** The paragraph: message, then one indented line per next step. */
  get paragraph(): string {
    return this.next.length === 0 ? this.message : `${this.message}\n${this.next.map((step) => `  next: ${step}`).join("\n")}`;
  }
}

/** The text of whatever was thrown, without a stack. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof UserError) return thrown.paragraph;
  if (thrown instanceof Error) return thrown.message;
  return String(thrown);
}
