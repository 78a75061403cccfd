/** One thing that doctor looked at. */
export interface Check {
  readonly name: string;
  /** note: works, but the person should know. */
  readonly state: "ok" | "note" | "fault";
  readonly detail: string;
  readonly next?: readonly string[];
}
