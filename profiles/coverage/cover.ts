/** How one gotcha is dealt with, as data: what does it, where it stands, and the test that shows it. */

/** A test file, from the project's root; `name` is (part of) the name of one test in it. */
export interface TestLink {
  readonly file: string;
  readonly name?: string;
}

/** Files are named from the project's root. What policy rules cover is not here: every rule names its own gotchas. */
export type Cover =
  | { readonly by: "preflight"; readonly check: string; readonly how: string; readonly test: TestLink }
  | { readonly by: "plan" | "provider" | "script" | "custody"; readonly file: string; readonly how: string; readonly test: TestLink }
  | { readonly by: "documentation"; readonly reason: string };

export type CoverageTable = Readonly<Record<string, readonly Cover[]>>;

/** The check that remote/preflight.sh prints under this name. */
export const preflight = (check: string, how: string, name: string): Cover => ({ by: "preflight", check, how, test: { file: "test/remote/preflight.test.ts", name } });

/** `test`: "FILE: NAME" below test/, NAME optional. */
const by =
  (kind: "plan" | "provider" | "script" | "custody") =>
  (file: string, how: string, test: string): Cover => {
    const [at = test, name] = test.split(/: (.*)/s);
    return { by: kind, file, how, test: { file: `test/${at}`, ...(name === undefined ? {} : { name }) } };
  };

export const plan = by("plan");
export const provider = by("provider");
export const script = by("script");
export const custody = by("custody");

/** Nothing in the product enforces it; the reason why not. */
export const documented = (reason: string): Cover => ({ by: "documentation", reason });

/** What installs a lock file leaves the image's own torch in its place. */
export const imagesTorch: Cover = script("remote/lib/install_lock.py", "the image's torch is not replaced by the one of a lock file", "remote/setup.test.ts: the image's torch is never replaced by the one of a lock file, and it is said so");
