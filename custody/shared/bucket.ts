/**
 * A shared place in an S3-compatible bucket. Two writers are kept apart by conditional writes (If-Match, If-None-Match), which not
 * every server obeys: one that ignores them is found out before anything depends on them. Credentials come from the environment or
 * a profile only, by the rules of the AWS SDK.
 */
import { randomBytes } from "node:crypto";
import type { S3Client } from "@aws-sdk/client-s3";
import { RemoteUnreachable } from "../remote";
import { UserError } from "../userError";
import type { SharedContent, SharedFile, SharedPlace } from "./place";

export interface BucketSettings {
  readonly bucket: string;
  /** Without slashes at its ends; empty: the whole bucket. */
  readonly prefix: string;
  /** Of a server that is not AWS. */
  readonly endpoint: string | null;
  readonly region: string | null;
  readonly profile: string | null;
}

export interface BucketOptions {
  /** Whether this server was seen to obey conditions, and a way to remember that it was. */
  readonly obeys?: { known(): boolean; remember(): void };
}

type Sdk = typeof import("@aws-sdk/client-s3");

export class BucketPlace implements SharedPlace {
  readonly description: string;
  private opened: Promise<{ sdk: Sdk; client: S3Client }> | null = null;
  private proven: boolean;

  constructor(
    private readonly settings: BucketSettings,
    private readonly options: BucketOptions = {},
  ) {
    this.description = `s3://${settings.bucket}${settings.prefix === "" ? "" : `/${settings.prefix}`}${settings.endpoint === null ? "" : ` at ${settings.endpoint}`}`;
    this.proven = options.obeys?.known() ?? false;
  }

  async list(folder: string, only?: string): Promise<readonly SharedFile[]> {
    const { sdk, client } = await this.open();
    const top = this.key(folder === "" || folder.endsWith("/") ? folder : `${folder}/`);
    const found: SharedFile[] = [];
    let token: string | undefined;
    do {
      const page = await this.ask(() => client.send(new sdk.ListObjectsV2Command({ Bucket: this.settings.bucket, Prefix: top, ...(token === undefined ? {} : { ContinuationToken: token }) })));
      for (const { Key: key, ETag: version } of page.Contents ?? []) if (key !== undefined && version !== undefined) found.push({ name: key.slice(top.length), version });
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
    return found.filter(({ name }) => only === undefined || name === only || name.endsWith(`/${only}`)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async read(name: string, unless?: string): Promise<SharedContent | "unchanged" | null> {
    const { sdk, client } = await this.open();
    try {
      const found = await client.send(new sdk.GetObjectCommand({ ...this.object(name), ...(unless === undefined ? {} : { IfNoneMatch: unless }) }));
      return { content: (await found.Body?.transformToString("utf8")) ?? "", version: found.ETag ?? "" };
    } catch (error) {
      if (statusOf(error) === 304) return "unchanged";
      if (nameOf(error) === "NoSuchKey") return null;
      throw this.explain(error);
    }
  }

  async write(name: string, content: string): Promise<void> {
    const { sdk, client } = await this.open();
    await this.ask(() => client.send(new sdk.PutObjectCommand({ ...this.object(name), Body: content })));
  }

  async replace(name: string, content: string, version: string | null): Promise<string | null> {
    if (!this.proven) await this.assertObeys();
    const put = await this.put(name, content, version);
    if (put !== null) return put;
    // A reply that was lost is asked for again by the client, and then meets what it wrote itself.
    const found = await this.read(name);
    return found !== null && found !== "unchanged" && found.content === content ? found.version : null;
  }

  async close(): Promise<void> {
    if (this.opened !== null) (await this.opened).client.destroy();
  }

  /** The new version; null when the condition did not hold. */
  private async put(name: string, content: string, version: string | null): Promise<string | null> {
    const { sdk, client } = await this.open();
    try {
      const put = await client.send(new sdk.PutObjectCommand({ ...this.object(name), Body: content, ...(version === null ? { IfNoneMatch: "*" } : { IfMatch: version }) }));
      return put.ETag ?? "";
    } catch (error) {
      const status = statusOf(error);
      // 409: another conditional write was under way (Amazon S3 user guide, conditional writes). 404: what was to be replaced is gone.
      if (status === 412 || status === 409 || nameOf(error) === "NoSuchKey") return null;
      if (status === 501 || nameOf(error) === "NotImplemented") throw this.ignoresConditions();
      throw this.explain(error);
    }
  }

  /** A server that ignores conditions answers "done" to each of these. */
  private async assertObeys(): Promise<void> {
    const { sdk, client } = await this.open();
    const name = `.probe-${randomBytes(8).toString("hex")}`;
    try {
      await this.put(name, "holdfast asks whether conditions are obeyed", null);
      const overwritten = (await this.put(name, "overwritten", null)) ?? (await this.put(name, "overwritten", '"00000000000000000000000000000000"'));
      if (overwritten !== null) throw this.ignoresConditions();
    } finally {
      await client.send(new sdk.DeleteObjectCommand(this.object(name))).catch(() => undefined);
    }
    this.proven = true;
    this.options.obeys?.remember();
  }

  private ignoresConditions(): UserError {
    return new UserError(`${this.description} cannot be shared safely: its server ignores conditional writes, so two machines could overwrite each other's lines.`, {
      code: "shared-store", next: ["a newer version of that server may obey them (If-Match and If-None-Match on PutObject)", "or share a folder over SSH instead (custody.store)"],
    });
  }

  private open(): Promise<{ sdk: Sdk; client: S3Client }> {
    // Loaded here and only here: a store in a folder must not pay for it.
    return (this.opened ??= import("@aws-sdk/client-s3").then((sdk) => ({ sdk, client: new sdk.S3Client(clientSettings(this.settings)) })));
  }

  private async ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.explain(error);
    }
  }

  private explain(error: unknown): Error {
    const status = statusOf(error);
    const said = error instanceof Error ? error.message : String(error);
    const next = ["look at custody.store, custody.endpoint and custody.region in the stack's config"];
    if (nameOf(error) === "CredentialsProviderError") {
      return new UserError(`There are no credentials for ${this.description} (${said}).`, { code: "shared-store", next: ["export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...", "or export AWS_PROFILE=NAME, or custody.profile in the stack's config"] });
    }
    if (nameOf(error) === "NoSuchBucket") return new UserError(`${this.description}: there is no such bucket.`, { code: "shared-store", next });
    if (status !== undefined && status < 500 && status !== 408 && status !== 429) return new UserError(`${this.description} refused: ${nameOf(error)} (${status}): ${said}`, { code: "shared-store", next });
    return new RemoteUnreachable(this.description, said, { cause: error });
  }

  private readonly key = (name: string): string => (this.settings.prefix === "" ? name : `${this.settings.prefix}/${name}`);
  private readonly object = (name: string): { Bucket: string; Key: string } => ({ Bucket: this.settings.bucket, Key: this.key(name) });
}

function clientSettings({ endpoint, region, profile }: BucketSettings): NonNullable<ConstructorParameters<Sdk["S3Client"]>[0]> {
  return {
    // A server of one's own rarely has a name per bucket. Checksums that only AWS knows make others refuse.
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED" as const, responseChecksumValidation: "WHEN_REQUIRED" as const }),
    ...(region !== null ? { region } : endpoint !== null ? { region: process.env["AWS_REGION"] ?? "us-east-1" } : {}),
    ...(profile === null ? {} : { profile }),
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 15_000 },
  };
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");
const statusOf = (error: unknown): number | undefined => (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;
