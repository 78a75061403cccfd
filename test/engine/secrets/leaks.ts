/** Where secrets are found that nobody put there: in files, in outputs, and in the arguments of every process of this machine. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";

/** What a secret is called in a failure, and its value. The value is never part of a message. */
export interface Secret {
  readonly name: string;
  readonly value: string;
}

/** As it is, and as encodings of it would hide it: base64 at every alignment, hex, percent signs, JSON. */
export function formsOf({ value }: Secret): Buffer[] {
  const bytes = Buffer.from(value);
  const aligned = [0, 1, 2].map((lead) => {
    const text = Buffer.concat([Buffer.alloc(lead), bytes]).toString("base64").replaceAll("=", "");
    // The first and last characters depend on what stands beside it.
    return text.slice(Math.ceil((lead * 4) / 3) + 1, -2);
  });
  const forms = [value, ...aligned, bytes.toString("hex"), encodeURIComponent(value), JSON.stringify(value).slice(1, -1)];
  return [...new Set(forms)].filter((form) => form.length >= 12).map((form) => Buffer.from(form));
}

/** Names of the secrets that stand in it. */
export function namesIn(content: Buffer, secrets: readonly Secret[]): string[] {
  return secrets.filter((secret) => formsOf(secret).some((form) => content.includes(form))).map(({ name }) => name);
}

/** `NAME in PATH` for every regular file below the folder, links not followed; `allowed` names files that may hold one. */
export function leaksBelow(folder: string, secrets: readonly Secret[], allowed: (path: string, name: string) => boolean): string[] {
  const found: string[] = [];
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const here = next;
    const stat = lstatSync(next, { throwIfNoEntry: false });
    if (stat?.isDirectory()) open.push(...readdirSync(next).map((name) => join(here, name)));
    else if (stat?.isFile()) {
      const path = relative(folder, next);
      for (const name of namesIn(readIfThere(next), secrets)) if (!allowed(path, name)) found.push(`${name} in ${path}`);
    } else if (stat?.isSymbolicLink()) found.push(...namesIn(Buffer.from(readlinkSync(next)), secrets).map((name) => `${name} in the link ${relative(folder, here)}`));
  }
  return found.sort();
}

/** Looks at the arguments of all processes again and again until it is stopped, instances' own among them. */
export class ArgumentWatch {
  readonly leaks = new Set<string>();
  looks = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly secrets: () => readonly Secret[]) {
    this.timer = setInterval(() => { this.look(); }, 25);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    this.looks += 1;
    const secrets = this.secrets();
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      const line = readIfThere(`/proc/${pid}/cmdline`);
      for (const name of namesIn(line, secrets)) this.leaks.add(`${name} in the arguments of ${line.toString("latin1").split("\0")[0] ?? pid}`);
    }
  }
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
