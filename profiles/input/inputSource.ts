/** What an input's `source` names: a path here, a URL, a bucket, or a path on the instance. Pure. */

export type InputSource =
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "bucket"; readonly bucket: string; readonly prefix: string }
  /** `path` is absolute on the instance. */
  | { readonly kind: "instance"; readonly path: string };

export type InputMode = "mount" | "copy" | "cached";

/** A string is why the source cannot be used; it never repeats the source, which may hold a secret. */
export function readInputSource(source: string, mode: InputMode): InputSource | string {
  if (/[\0-\x1f\x7f]/.test(source)) return "holds a control character";
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(source)?.[1]?.toLowerCase();
  switch (scheme) {
    case "https":
    case "http":
      return urlSource(source);
    case "s3":
      return bucketSource(source);
    case "instance":
      return instanceSource(source.slice("instance:".length));
    case undefined:
      // Nothing here can be mounted there, so an absolute path can only mean one on the instance.
      if (mode === "mount") return instanceSource(source);
      return source.startsWith("~") ? "begins with ~: write a path relative to the job's file, or an absolute one" : { kind: "local", path: source };
    default:
      return `begins with ${scheme}:, which nothing here fetches; write an https URL, s3://BUCKET/PREFIX, instance:/PATH, or the path of a file of this machine`;
  }
}

function urlSource(source: string): InputSource | string {
  let url: URL;
  try {
    url = new URL(source);
  } catch {
    return "is not a URL";
  }
  if (url.username !== "" || url.password !== "") return `holds credentials: ${tokenInstead}`;
  const secret = [...url.searchParams.keys()].find((name) => SECRET_PARAMETER.test(name));
  if (secret !== undefined) return `is signed or carries a key (${secret}=...): ${tokenInstead}, or use s3://BUCKET/PREFIX with the keys in secrets`;
  if (url.hash !== "") return "has a part after #, which is never sent; remove it";
  return { kind: "url", url: source };
}

const tokenInstead = "a source is stored in state and ledger; name a secret in `token`, it is sent as bearer token";

/** Query parameters by which signed or keyed addresses carry their secret (AWS, Google Cloud, Azure, and plain ones). */
const SECRET_PARAMETER = /^(x-amz-(signature|credential|security-token)|x-goog-(signature|credential)|signature|sig|awsaccesskeyid|googleaccessid|(api[_-]?)?key|(access[_-]?|auth[_-]?)?token|secret|password|pass|auth|authorization)$/i;

function bucketSource(source: string): InputSource | string {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/is.exec(source);
  if (match === null) return "is not s3://BUCKET/PREFIX (credentials are named in secrets: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)";
  return { kind: "bucket", bucket: match[1] ?? "", prefix: match[2] ?? "" };
}

function instanceSource(path: string): InputSource | string {
  if (!path.startsWith("/")) return "must be an absolute path on the instance, such as instance:/data/imagenet";
  if (path.split("/").includes("..")) return "has .. in it: write the path itself";
  return { kind: "instance", path: path.replace(/(?<=.)\/+$/, "") };
}

/** `HOLDFAST_INPUT_IMAGENET_VAL` for `imagenet-val`. */
export const inputVariable = (name: string): string => `HOLDFAST_INPUT_${name.toUpperCase().replaceAll("-", "_")}`;
