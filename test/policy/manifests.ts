/** Kubernetes manifests and batch scripts as Pulumi would register them. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseAllDocuments } from "yaml";
import type { StackEntry } from "./judging";

const corpus = resolve(__dirname, "../../../test/policy/corpus");

export interface Manifest {
  readonly file: string;
  /** The first line without its mark. */
  readonly comment: string;
  readonly entries: readonly StackEntry[];
}

export const readCorpus = (folder: "fine" | "bad"): Manifest[] =>
  readdirSync(join(corpus, folder))
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .map((file) => {
      const text = readFileSync(join(corpus, folder, file), "utf8");
      return { file, comment: (text.split("\n")[0] ?? "").replace(/^# /, ""), entries: entriesOf(text) };
    });

/** Batch scripts: the first line is the shell's, the second is the comment. Each as a login node gets it, and as a file's content. */
export const readScripts = (folder: "fine" | "bad"): Manifest[] =>
  readdirSync(join(corpus, "slurm", folder))
    .filter((file) => file.endsWith(".sh"))
    .sort()
    .map((file) => {
      const text = readFileSync(join(corpus, "slurm", folder, file), "utf8");
      const name = file.replace(".sh", "");
      const entries = [
        { type: "command:remote:Command", name, props: { create: `cat > job.sh <<'EOF'\n${text}EOF\nsbatch job.sh\n` } },
        { type: "local:index/file:File", name: `${name}-file`, props: { filename: "job.sh", content: text } },
      ];
      return { file: `slurm/${file}`, comment: (text.split("\n")[1] ?? "").replace(/^# /, ""), entries };
    });

/** One entry per document, under the type token that Pulumi gives to its apiVersion and kind. */
export const entriesOf = (text: string): StackEntry[] =>
  parseAllDocuments(text).map((document) => {
    const props = document.toJS() as { apiVersion: string; kind: string; metadata: { name: string } };
    return { type: tokenOf(props.apiVersion, props.kind), name: props.metadata.name, props };
  });

export const tokenOf = (apiVersion: string, kind: string): string => `kubernetes:${apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`}:${kind}`;
