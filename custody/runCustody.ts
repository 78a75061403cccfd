/** The evidence of one run: ledger, manifests, receipts, approvals. Everything is verified each time it is read. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, manifestDigest } from "./canonical";
import type { Clock } from "./clock";
import { copyCustody } from "./copies";
import { writeFileDurably } from "./disk/files";
import {
  runId, type Approval, type BreakGlass, type LedgerData, type LedgerEntry, type LedgerKind, type Manifest, type Receipt, type RunRef, type Signed, type StandingApproval,
} from "./formats";
import { appendToLedger, readLedger } from "./ledger";
import { parseManifest } from "./manifest";
import type { Remote } from "./remote";
import {
  APPROVAL, approvalSubjects, BREAK_GLASS, breakGlassSubjects, readEvidence, RECEIPT, receiptSubjects, STANDING, standingSubjects, writeEvidence, type EvidenceProblem,
} from "./signing/evidence";
import type { Signer } from "./signing/keys";
import type { Trust } from "./signing/trust";
import { UserError } from "./userError";
import { foldLedger, type RunView } from "./view";

export interface RunPaths {
  readonly ledger: string;
  readonly manifests: string;
  readonly receipts: string;
  readonly approvals: string;
  readonly standing: string;
  readonly breakGlass: string;
  /** Private keys and known_hosts of the run's machines. */
  readonly ssh: string;
  /** Default target of a pull. */
  readonly pulled: string;
}

/** What a run needs of the store it belongs to. */
export interface RunCustodyOptions {
  readonly ref: RunRef;
  readonly root: string;
  readonly custodyId: string;
  readonly clock: Clock;
  readonly signer: () => Signer;
  readonly trust: () => Trust;
}

export class RunCustody {
  readonly ref: RunRef;
  readonly dir: string;
  readonly paths: RunPaths;

  constructor(private readonly options: RunCustodyOptions) {
    const { ref, root } = options;
    this.ref = ref;
    this.dir = join(root, "runs", ref.project, ref.stack, ref.name);
    this.paths = {
      ledger: join(this.dir, "ledger.jsonl"),
      manifests: join(this.dir, "manifests"),
      receipts: join(this.dir, "receipts"),
      approvals: join(this.dir, "approvals"),
      standing: join(this.dir, "standing"),
      breakGlass: join(this.dir, "breakglass"),
      ssh: join(this.dir, "ssh"),
      pulled: join(root, "pulled", ref.project, ref.stack, ref.name),
    };
  }

  /** On disk when it returns; safe between processes. Throws UserError for a broken chain, a full disk, a lock held too long. */
  append<K extends LedgerKind>(kind: K, data: LedgerData[K]): LedgerEntry<K> {
    if (kind === "grant.sealed") writeFileDurably(this.sealPath((data as LedgerData["grant.sealed"]).grant.id), "");
    return appendToLedger(this.paths.ledger, this.ref, kind, data, this.options.clock.now());
  }

  /** Every line, the chain verified. Throws UserError `ledger-broken`. */
  entries(): readonly LedgerEntry[] {
    return readLedger(this.paths.ledger, this.ref).entries;
  }

  /** Throws UserError `run-unknown` when this custody has no ledger of the run. */
  view(): RunView {
    const entries = this.entries();
    if (entries.length > 0) return this.withOwnGrant(foldLedger(entries));
    throw new UserError(`This custody store (${this.options.root}) knows nothing of ${runId(this.ref)}.`, {
      code: "run-unknown", next: ["holdfast ls", `holdfast recover ${runId(this.ref)}`],
    });
  }

  /** Keeps the manifest under its digest and returns that. The ledger line (`manifest.taken`) is the caller's. */
  saveManifest(manifest: Manifest): string {
    if (runId(manifest.run) !== runId(this.ref)) throw new TypeError(`a manifest of ${runId(manifest.run)} in the custody of ${runId(this.ref)}`);
    const digest = manifestDigest(manifest);
    writeFileDurably(this.manifestPath(digest), `${canonicalJson(manifest)}\n`);
    return digest;
  }

  /** Throws UserError when it is absent, malformed, or not what its name says. */
  manifest(sha256: string): Manifest {
    const path = this.manifestPath(sha256);
    if (!existsSync(path)) {
      throw new UserError(`The manifest ${sha256.slice(0, 12)} of ${runId(this.ref)} is not in custody.`, {
        code: "manifest-missing", next: [`holdfast pull ${runId(this.ref)}`, `holdfast recover ${runId(this.ref)}`],
      });
    }
    const manifest = parseManifest(readFileSync(path, "utf8"), path);
    if (manifestDigest(manifest) !== sha256 || runId(manifest.run) !== runId(this.ref)) {
      throw new UserError(`The manifest ${path} was changed after it was written.`, { code: "manifest-invalid", next: [`holdfast pull ${runId(this.ref)}`] });
    }
    return manifest;
  }

  /** The one the ledger took last; null when none was ever taken. */
  newestManifest(): Manifest | null {
    const newest = this.view().newestManifest;
    return newest === null ? null : this.manifest(newest.manifestSha256);
  }

  receipts(): Signed<Receipt>[] {
    return readEvidence(RECEIPT, this.paths.receipts, this.options.trust()).documents;
  }

  approvals(): Signed<Approval>[] {
    return readEvidence(APPROVAL, this.paths.approvals, this.options.trust()).documents;
  }

  standing(): Signed<StandingApproval>[] {
    return readEvidence(STANDING, this.paths.standing, this.options.trust()).documents;
  }

  breakGlass(): Signed<BreakGlass>[] {
    return readEvidence(BREAK_GLASS, this.paths.breakGlass, this.options.trust()).documents;
  }

  /** Files among the evidence that are no document of a known version: never counted, worth telling. */
  evidenceProblems(): EvidenceProblem[] {
    const trust = this.options.trust();
    return [
      ...readEvidence(RECEIPT, this.paths.receipts, trust).problems,
      ...readEvidence(APPROVAL, this.paths.approvals, trust).problems,
      ...readEvidence(STANDING, this.paths.standing, trust).problems,
      ...readEvidence(BREAK_GLASS, this.paths.breakGlass, trust).problems,
    ];
  }

  /** Signs, writes the file, then the ledger line. The receipt's manifest must be in custody. `supersedes`: the receipt of a place that it was moved from. */
  signReceipt(receipt: Receipt, supersedes?: string): Signed<Receipt> {
    const subjects = receiptSubjects(this.manifest(receipt.manifestSha256));
    const signed = writeEvidence(RECEIPT, this.paths.receipts, receipt, subjects, this.options.signer(), this.options.trust());
    this.append("receipt.signed", {
      receipt: receipt.id, manifestSha256: receipt.manifestSha256, envelopeSha256: signed.envelopeSha256, keyId: signed.keyId, ...(supersedes === undefined ? {} : { supersedes }),
    });
    return signed;
  }

  signApproval(approval: Approval): Signed<Approval> {
    const signed = writeEvidence(APPROVAL, this.paths.approvals, approval, approvalSubjects(approval), this.options.signer(), this.options.trust());
    const { scope, deletions, manifestSha256, expiresAt } = approval;
    this.append("approval.signed", {
      approval: approval.id, scope, deletions, manifestSha256, expiresAt, envelopeSha256: signed.envelopeSha256, keyId: signed.keyId,
    });
    return signed;
  }

  signStanding(standing: StandingApproval): Signed<StandingApproval> {
    const signed = writeEvidence(STANDING, this.paths.standing, standing, standingSubjects(standing), this.options.signer(), this.options.trust());
    const { id, allows, maxUsd, expiresAt } = standing;
    this.append("standing.signed", { standing: id, allows, maxUsd, expiresAt, envelopeSha256: signed.envelopeSha256, keyId: signed.keyId });
    return signed;
  }

  signBreakGlass(breakGlass: BreakGlass): Signed<BreakGlass> {
    const signed = writeEvidence(BREAK_GLASS, this.paths.breakGlass, breakGlass, breakGlassSubjects(breakGlass), this.options.signer(), this.options.trust());
    const { id, reason, deletions, lost, expiresAt } = breakGlass;
    this.append("breakglass.signed", { breakGlass: id, reason, deletions, lost, expiresAt, envelopeSha256: signed.envelopeSha256, keyId: signed.keyId });
    return signed;
  }

  /**
   * Copies the evidence to `directory` (`<run directory>/custody`) beside the artifacts, so that another checkout can
   * recover it. What is there already under a name that says its content is not sent again.
   */
  async copyTo(remote: Remote, directory: string): Promise<void> {
    const newest = this.view().newestManifest?.manifestSha256;
    await copyCustody(remote, directory, {
      run: this.ref, custodyId: this.options.custodyId, paths: this.paths, trust: this.options.trust(), ...(newest === undefined ? {} : { newest }),
    });
  }

  /** A grant counts in the store that sealed it: what came from elsewhere can say that it was sealed, and not prove it. */
  private withOwnGrant(view: RunView): RunView {
    const { openGrant } = view;
    return openGrant === null || existsSync(this.sealPath(openGrant.id)) ? view : { ...view, openGrant: null };
  }

  private sealPath(grant: string): string {
    return join(this.dir, "sealed", grant);
  }

  private manifestPath(sha256: string): string {
    return join(this.paths.manifests, `${sha256}.json`);
  }
}
