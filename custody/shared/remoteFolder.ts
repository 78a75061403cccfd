/**
 * A shared place on a host that one can run programs on (SSH). What must not be torn in two runs there as one script: the content
 * is brought over first, and put in place under a lock of the kernel, which is released also when the connection dies.
 */
import { randomBytes } from "node:crypto";
import { sha256Hex } from "../canonical";
import type { Remote, RemoteResult } from "../remote";
import { RemoteUnreachable } from "../remote";
import { UserError } from "../userError";
import type { SharedContent, SharedFile, SharedPlace } from "./place";

/** The sha256 of a file: GNU's program, or perl's on BSD and macOS. */
const HASH = 'hash() { if command -v sha256sum >/dev/null 2>&1; then sha256sum -- "$1"; else shasum -a 256 -- "$1"; fi | cut -c1-64; };';

const LIST = `${HASH} cd "$1" 2>/dev/null || exit 0; find . -type f ! -name '*.lock' ! -name '*.new-*' | sort | while IFS= read -r name; do
  case "$name" in *"$2") printf '%s %s\\n' "$(hash "$name")" "$name" ;; esac; done`;

const READ = `${HASH} [ -f "$1" ] || exit 44; [ -z "$2" ] || [ "$(hash "$1")" != "$2" ] || exit 45; cat -- "$1"`;

const BRING = 'umask 077; mkdir -p -- "${1%/*}" && cat > "$2" && { sync "$2" 2>/dev/null || sync; }';

const WRITE = `${BRING} && mv -f -- "$2" "$1"`;

const REPLACE = `${HASH} command -v flock >/dev/null 2>&1 || exit 48; ${BRING} || exit 1
exec 9>"$1.lock"; flock -w 20 9 || { rm -f -- "$2"; exit 46; }
now=none; [ ! -f "$1" ] || now=$(hash "$1")
[ "$now" = "$3" ] || { rm -f -- "$2"; exit 47; }
mv -f -- "$2" "$1" && { sync "$1" 2>/dev/null || sync; }`;

export class RemoteFolderPlace implements SharedPlace {
  /** `description`: `ssh://user@host:port/path`. */
  constructor(
    private readonly remote: Remote,
    private readonly root: string,
    readonly description: string,
  ) {}

  async list(folder: string, only = ""): Promise<readonly SharedFile[]> {
    const { stdout } = this.done(await this.run(LIST, [this.path(folder), only === "" ? "" : `/${only}`]), `list ${folder}`);
    return stdout.split("\n").filter((line) => line !== "").map((line) => ({ version: line.slice(0, 64), name: line.slice(65).replace(/^\.\//, "") }));
  }

  async read(name: string, unless = ""): Promise<SharedContent | "unchanged" | null> {
    const result = await this.run(READ, [this.path(name), unless]);
    if (result.exitCode === 44) return null;
    if (result.exitCode === 45) return "unchanged";
    const { stdout } = this.done(result, `read ${name}`);
    return { content: stdout, version: sha256Hex(stdout) };
  }

  async write(name: string, content: string): Promise<void> {
    this.done(await this.run(WRITE, [this.path(name), this.draft(name)], content), `write ${name}`);
  }

  async replace(name: string, content: string, version: string | null): Promise<string | null> {
    const result = await this.run(REPLACE, [this.path(name), this.draft(name), version ?? "none"], content);
    if (result.exitCode === 47) return null;
    if (result.exitCode === "unknown") return this.lookAgain(name, content);
    if (result.exitCode === 48) {
      throw new UserError(`${this.description} cannot be shared safely: the host has no program "flock", so two machines could overwrite each other's lines.`, {
        code: "shared-store", next: ["install util-linux on that host", "or share a bucket or a folder instead (custody.store)"],
      });
    }
    this.done(result, `replace ${name}`);
    return sha256Hex(content);
  }

  async close(): Promise<void> {
    await this.remote.close();
  }

  /** The connection died; what is there tells whether the script had come to its end. */
  private async lookAgain(name: string, content: string): Promise<string | null> {
    const found = await this.read(name);
    const wanted = sha256Hex(content);
    return found !== null && found !== "unchanged" && found.version === wanted ? wanted : null;
  }

  private run(script: string, args: readonly string[], stdin?: string): Promise<RemoteResult> {
    return this.remote.exec(["sh", "-c", script, "sh", ...args], { timeoutSeconds: 45, ...(stdin === undefined ? {} : { stdin }) });
  }

  private done(result: RemoteResult, what: string): RemoteResult {
    if (result.exitCode === 0) return result;
    if (result.exitCode === "unknown") throw new RemoteUnreachable(this.description, `the connection ended during: ${what}`);
    if (result.exitCode === 46) throw new RemoteUnreachable(this.description, `another machine has been writing ${what.replace("replace ", "")} for 20 seconds`);
    throw new UserError(`${this.description}: ${what} failed (exit ${result.exitCode}): ${result.stderr.trim()}`, { code: "shared-store", next: ["look at the folder's owner and mode on that host"] });
  }

  private readonly path = (name: string): string => (name === "" ? this.root : `${this.root}/${name}`);
  private readonly draft = (name: string): string => `${this.path(name)}.new-${randomBytes(8).toString("hex")}`;
}
