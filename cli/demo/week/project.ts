/** The week's project as a team would have it in git: a program, three jobs on one training code, a stack for each run and one for the storage. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { packageRoot } from "../world";

const program = `const pulumi = require("@pulumi/pulumi");
const { runFromStackConfig, SharedStorage } = require("holdfast");
if (pulumi.getStack() === "storage") {
  const storage = new SharedStorage("data", { platform: "lambda", region: "us-east-1", lambda: { endpoint: "sandbox" } });
  exports.filesystem = storage.filesystem;
} else {
  exports.machine = runFromStackConfig().machine;
}
`;

export interface Cell {
  readonly name: string;
  readonly args: string;
}

/** Everything but what a stack's config says. */
export function writeProject(directory: string): void {
  mkdirSync(join(directory, "jobs"), { recursive: true });
  writeFileSync(join(directory, "index.js"), program);
  writeFileSync(join(directory, "Pulumi.yaml"), stringify({ name: "week", runtime: { name: "nodejs", options: { typescript: false } }, main: "index.js" }));
  writeFileSync(join(directory, "package.json"), `${JSON.stringify({ name: "week", version: "0.0.0", private: true, main: "index.js", dependencies: { holdfast: "*", "@pulumi/pulumi": "*" } }, null, 2)}\n`);
  writeFileSync(join(directory, ".gitignore"), "node_modules/\n.holdfast/\n__pycache__/\n");
  const example = join(packageRoot, "examples", "digits");
  for (const name of ["train.py", "holdfast_checkpoint.py", "digits.csv.gz"]) cpSync(join(example, name), join(directory, "code", name));
  cpSync(join(packageRoot, "cli", "demo", "week", "paced.py"), join(directory, "code", "paced.py"));
  installPackages(directory);
}

/** What `npm ci` would do. */
export function installPackages(directory: string): void {
  mkdirSync(join(directory, "node_modules"), { recursive: true });
  symlinkSync(packageRoot, join(directory, "node_modules", "holdfast"));
  symlinkSync(join(packageRoot, "node_modules", "@pulumi"), join(directory, "node_modules", "@pulumi"));
}

export function writeJob(directory: string, run: string, clock: string, cells: readonly Cell[]): void {
  const job = {
    name: run, command: "python3 paced.py --checkpoint-every-steps 38", code: "../code", env: { WEEK_CLOCK: clock },
    resources: { gpu: "none", cpus: 1, memoryGiB: 4 }, checkpoint: { costSeconds: 0.1, everySeconds: 3600 },
    artifacts: { keep: ["checkpoints/*.safetensors", "checkpoints/*.npz", "metrics.json", "metrics.jsonl", "resumes.json"], scratch: ["tmp/**"] },
    roster: cells.map(({ name, args }) => ({ name, args: args.split(" ") })),
  };
  writeFileSync(join(directory, "jobs", `${run}.yaml`), stringify(job));
}

/** The config of one run's stack, without the namespace. */
export function writeStack(directory: string, run: string, config: Readonly<Record<string, unknown>>): void {
  const path = join(directory, `Pulumi.${run}.yaml`);
  const own = { platform: "lambda", job: `jobs/${run}.yaml`, teardown: { verb: "terminate", storage: "keep", require: "pulled" }, lambda: { endpoint: "sandbox", image: { family: "lambda-stack-24-04" } }, ...config };
  // The engine wrote the salt of its (empty) passphrase there.
  writeFileSync(path, `${readFileSync(path, "utf8").trimEnd()}\n${stringify({ config: Object.fromEntries(Object.entries(own).map(([key, value]) => [`holdfast:${key}`, value])) })}`);
}
