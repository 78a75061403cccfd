/** A shared place that is a folder of this machine, or one that it mounts. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { sha256Hex } from "../canonical";
import { makeDirectory, writeFileDurably } from "../disk/files";
import { withFileLock } from "../disk/fileLock";
import type { SharedContent, SharedFile, SharedPlace } from "./place";

export class FolderPlace implements SharedPlace {
  readonly description: string;

  constructor(private readonly root: string) {
    this.description = root;
  }

  list(folder: string, only?: string): Promise<readonly SharedFile[]> {
    const top = join(this.root, folder);
    if (!existsSync(top)) return Promise.resolve([]);
    const found = readdirSync(top, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith(".tmp-") && (only === undefined || entry.name === only))
      .map((entry) => join(entry.parentPath, entry.name));
    return Promise.resolve(found.map((path) => ({ name: relative(top, path).split(sep).join("/"), version: sha256Hex(readFileSync(path)) })).sort((a, b) => (a.name < b.name ? -1 : 1)));
  }

  read(name: string, unless?: string): Promise<SharedContent | "unchanged" | null> {
    const found = this.look(name);
    return Promise.resolve(found !== null && found.version === unless ? "unchanged" : found);
  }

  write(name: string, content: string): Promise<void> {
    writeFileDurably(join(this.root, name), content);
    return Promise.resolve();
  }

  replace(name: string, content: string, version: string | null): Promise<string | null> {
    const path = join(this.root, name);
    makeDirectory(join(path, ".."));
    return Promise.resolve(withFileLock(`${path}.lock`, () => {
      if ((this.look(name)?.version ?? null) !== version) return null;
      writeFileDurably(path, content);
      return sha256Hex(content);
    }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private look(name: string): SharedContent | null {
    const path = join(this.root, name);
    if (!existsSync(path)) return null;
    const content = readFileSync(path, "utf8");
    return { content, version: sha256Hex(content) };
  }
}
