/** Where the evidence of a stack's runs is shared with other machines: the block `custody`. */
import { z } from "zod";
import { section, text } from "./faults";

/** A folder, `ssh://user@host[:port]/path` or `s3://bucket[/prefix]`; any other scheme is a slip. */
const STORE = /^(?![A-Za-z][\w+.-]*:\/\/)[^\0\n]+$|^ssh:\/\/([^\s/@:]+@)?([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?\/\S+$|^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/\S*)?$/u;
const ENDPOINT = /^(https:\/\/[^\s/@]+(\/\S*)?|http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?(\/\S*)?)$/;

export const custodyConfigSchema = section({
  /**
   * Where ledgers, manifests, receipts, approvals and public keys are shared. `.holdfast` in the project stays the store that is
   * worked with, and keeps the private keys. Default: null, not shared. Example: s3://team-custody/digits,
   * ssh://me@192.0.2.7/srv/custody, or ../custody.
   */
  store: text("a folder, ssh://user@host/path or s3://bucket/prefix", STORE).nullable().default(null),
  /** Of an S3-compatible server that is not AWS; must obey conditional writes. Default: null. Example: https://s3.example.com. */
  endpoint: text("an https URL", ENDPOINT).nullable().default(null),
  /** Of the bucket. Default: null, AWS_REGION or the profile's. */
  region: text("a region such as us-east-1", /^[A-Za-z0-9-]+$/).nullable().default(null),
  /** Of ~/.aws/config. Default: null, AWS_PROFILE, or the credentials in the environment; never in config. */
  profile: text("a profile of ~/.aws/config", /^[^\0\n]+$/u).nullable().default(null),
  /** Private SSH key for ssh://. Default: null, those that ssh takes by itself. Example: ~/.ssh/id_ed25519. */
  keyFile: text("the path of a private SSH key", /^[^\0\n]+$/u).nullable().default(null),
});

export type CustodyConfig = z.output<typeof custodyConfigSchema>;

/** The shared store that a `custody` block names. */
export type SharedStore =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "ssh"; readonly user: string | null; readonly host: string; readonly port: number; readonly path: string; readonly keyFile: string | null }
  | { readonly kind: "bucket"; readonly bucket: string; readonly prefix: string; readonly endpoint: string | null; readonly region: string | null; readonly profile: string | null };

/** null: nothing is shared. */
export function sharedStoreOf({ store, endpoint, region, profile, keyFile }: CustodyConfig): SharedStore | null {
  if (store === null) return null;
  if (store.startsWith("s3://")) {
    const [bucket = "", ...prefix] = store.slice("s3://".length).split("/");
    return { kind: "bucket", bucket, prefix: prefix.filter((part) => part !== "").join("/"), endpoint, region, profile };
  }
  if (!store.startsWith("ssh://")) return { kind: "folder", path: store };
  const url = new URL(store);
  return {
    kind: "ssh", user: url.username === "" ? null : decodeURIComponent(url.username), host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? 22 : Number(url.port),
    path: decodeURIComponent(url.pathname).replace(/\/+$/, ""), keyFile,
  };
}
