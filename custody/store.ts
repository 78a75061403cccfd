/** The custody store: a folder of the project that keeps the evidence of every run, the signing key, and whom to trust. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { z } from "zod";
import type { Clock } from "./clock";
import { systemClock } from "./clock";
import { createExclusively, makeDirectory } from "./disk/files";
import type { RunRef } from "./formats";
import { assertRunRef } from "./ledger";
import { RunCustody } from "./runCustody";
import { readDocument, RUN_NAME } from "./signing/documents";
import { ensureSigner, type Signer } from "./signing/keys";
import { readTrust, trustFileFor, type Trust } from "./signing/trust";
import { UserError } from "./userError";

export { RunCustody } from "./runCustody";

const TRUST_FILE = "holdfast.trust.yaml";

/** The folder with Pulumi.yaml, upwards from `from`; HOLDFAST_PROJECT_ROOT wins. Throws UserError `no-project`. */
export function projectRootFrom(from: string, environment: NodeJS.ProcessEnv = process.env): string {
  const given = environment["HOLDFAST_PROJECT_ROOT"];
  if (given !== undefined && given !== "") {
    if (hasProjectFile(resolve(given))) return resolve(given);
    throw new UserError(`HOLDFAST_PROJECT_ROOT is ${given}, but no Pulumi.yaml is there.`, { code: "no-project", next: ["unset HOLDFAST_PROJECT_ROOT"] });
  }
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (hasProjectFile(folder)) return folder;
    if (dirname(folder) === folder) break;
  }
  throw new UserError(`${resolve(from)} is not inside a Pulumi project: no Pulumi.yaml there or above.`, {
    code: "no-project", next: ["cd into the project", "export HOLDFAST_PROJECT_ROOT=DIRECTORY"],
  });
}

/** HOLDFAST_CUSTODY_DIR (relative to the project), or `.holdfast` in the project. */
export function custodyRootOf(projectRoot: string, environment: NodeJS.ProcessEnv = process.env): string {
  const given = environment["HOLDFAST_CUSTODY_DIR"];
  if (given === undefined || given === "") return join(projectRoot, ".holdfast");
  return isAbsolute(given) ? given : resolve(projectRoot, given);
}

export interface OpenCustodyOptions {
  readonly clock?: Clock;
  /** Make the store (id, key, trust file) when there is none. Without it an absent store is a UserError. */
  readonly create?: boolean;
  /** The store a resource was made under. Another one is a UserError `custody-elsewhere`: its evidence is not here. */
  readonly expectId?: string;
}

export function openCustody(projectRoot: string, options: OpenCustodyOptions = {}): Custody {
  const root = custodyRootOf(projectRoot);
  if (options.create === true && !existsSync(custodyFile(root))) createStore(root, newCustodyId());
  const id = readCustodyId(root, options.expectId);
  if (options.expectId !== undefined && id !== options.expectId) throw elsewhere(options.expectId, `${root} is ${id}`);
  return new Custody(id, root, projectRoot, options.clock ?? systemClock);
}

export class Custody {
  constructor(
    readonly id: string,
    readonly root: string,
    readonly projectRoot: string,
    private readonly clock: Clock,
  ) {}

  /** Opens nothing and makes nothing yet. Throws UserError when the names cannot name a run. */
  run(ref: RunRef): RunCustody {
    assertRunRef(ref);
    return new RunCustody({
      ref: { project: ref.project, stack: ref.stack, name: ref.name },
      root: this.root, custodyId: this.id, clock: this.clock, signer: () => this.signer(), trust: () => this.trust(),
    });
  }

  /** Every run with a ledger here, sorted. */
  runs(): RunRef[] {
    const top = join(this.root, "runs");
    return foldersIn(top).flatMap((project) => foldersIn(join(top, project)).flatMap((stack) => this.runsOfStack(project, stack)));
  }

  runsOfStack(project: string, stack: string): RunRef[] {
    const folder = join(this.root, "runs", project, stack);
    return foldersIn(folder).filter((name) => existsSync(join(folder, name, "ledger.jsonl"))).map((name) => ({ project, stack, name }));
  }

  /** This machine's signing key, made on first use. */
  signer(name = "local"): Signer {
    return ensureSigner(join(this.root, "keys"), name);
  }

  /** The project's holdfast.trust.yaml when there is one, else the store's own. Read anew each time. */
  trust(): Trust {
    const committed = join(this.projectRoot, TRUST_FILE);
    return readTrust(existsSync(committed) ? committed : trustPath(this.root));
  }
}

/** Makes a store with this id. Several processes at once end up with one store. Recovery adopts the id it found. */
export function createStore(root: string, id: string): void {
  // Keys must not be committed by a careless `git add`; a folder that holds other things too is not ours to ignore.
  const ignored = !existsSync(root) || basename(root) === ".holdfast" ? root : join(root, "keys");
  makeDirectory(ignored, 0o700);
  createExclusively(join(ignored, ".gitignore"), "*\n");
  const signer = ensureSigner(join(root, "keys"), "local");
  createExclusively(trustPath(root), trustFileFor(signer));
  // Last: a store with an id is a whole one.
  createExclusively(custodyFile(root), `${JSON.stringify({ v: 1, id })}\n`);
}

const newCustodyId = (): string => `cst_${randomBytes(8).toString("hex")}`;

const CUSTODY_ID = /^cst_[0-9a-f]{8,64}$/;

const custodySchema = z.strictObject({ v: z.literal(1), id: z.string().regex(CUSTODY_ID, { error: "no custody id" }) });

/** Throws UserError when the text is no custody.json of a known version. */
export function parseCustodyId(text: string, source: string): string {
  const invalid = (fault: string): UserError => new UserError(`${source} is not a custody store's file: ${fault}.`, { code: "custody-invalid" });
  return readDocument(text, custodySchema, invalid).id;
}

function readCustodyId(root: string, expectId: string | undefined): string {
  const path = custodyFile(root);
  if (existsSync(path)) return parseCustodyId(readFileSync(path, "utf8"), path);
  if (expectId !== undefined) throw elsewhere(expectId, `there is no store at ${root}`);
  throw new UserError(`There is no custody store at ${root} yet.`, { code: "no-custody", next: ["pulumi up (makes it)", "holdfast recover (in another checkout of a running project)"] });
}

const elsewhere = (id: string, found: string): UserError =>
  new UserError(`The custody store ${id}, which keeps the evidence of this run, is not here (${found}), so nothing can be shown to be safe.`, {
    code: "custody-elsewhere",
    next: ["holdfast recover", "export HOLDFAST_CUSTODY_DIR=DIRECTORY (when the store is in another folder)"],
  });

const custodyFile = (root: string): string => join(root, "custody.json");
const trustPath = (root: string): string => join(root, "trust.yaml");
const hasProjectFile = (folder: string): boolean => existsSync(join(folder, "Pulumi.yaml")) || existsSync(join(folder, "Pulumi.yml"));

const foldersIn = (path: string): string[] =>
  existsSync(path) ? readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory() && RUN_NAME.test(entry.name)).map((entry) => entry.name).sort() : [];
