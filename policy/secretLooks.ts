/** What a secret looks like: its name, the prefix of a known kind of key, or the entropy of a long word. Pure. */

/** Why something looks like a secret; never part of the value. */
export type Reason = string;

/** A word of a command line with the flag or variable it belongs to, if any. */
export interface NamedWord {
  readonly name: string | null;
  readonly value: string;
}

/** `name` is a variable or flag. Returns why it looks like a secret, or null. */
export function looksSecret(name: string | null, value: string, entropyLimit: number): Reason | null {
  const known = knownKind(value);
  if (known !== null) return known;
  if (name !== null && isSecretByName(name, value, entropyLimit)) return "its name says so";
  return value.split(/[^A-Za-z0-9+/_=-]+/).some((word) => isRandom(word, entropyLimit)) ? "a long random word" : null;
}

/**
 * A property or a line of configuration by its own name. Names of secrets, and references to them, stand everywhere: a
 * password must be called one, anything else must look like a key as well.
 */
export function looksSecretAsProperty(typed: string, value: string, entropyLimit: number): Reason | null {
  const name = spelled(typed);
  if (isReference(value) || isPath(value, entropyLimit) || OTHER_TOKEN.test(name) || OTHER_KEY.test(name)) return null;
  const isOne = PASSWORD_NAME.test(name) ? /^[^\s()[\]{}]{4,}$/.test(value) : (TOKEN_NAME.test(name) || KEY_NAME.test(name)) && looksLikeKey(value);
  return isOne ? "its name says so" : null;
}

/** A word that is no reference to a variable, no option and no placeholder. */
const WORD = String.raw`(?!["']?[$<-])\S`;
/** Programs that take a secret as a bare word. */
const COMMANDS: readonly (readonly [RegExp, string])[] = [
  [new RegExp(String.raw`\b(wandb|huggingface-cli|hf\s+auth|ngc|comet|neptune|modal|clearml|prefect)\s+(auth\s+)?login\s+(--?[\w-]+(=\S+|\s+https?:\S+)?\s+)*["']?(?![$<-])[A-Za-z0-9_-]{20,}`), "a key on the command line"],
  [new RegExp(String.raw`\b(sshpass)\s+-p\s*${WORD}`), "a password on the command line"],
  [new RegExp(String.raw`\b(docker|podman|nerdctl|skopeo|crane|helm|oras|apptainer|singularity)\b[^\n;|&]*\blogin\b[^\n;|&]*\s(-p|--password)[=\s]\s*${WORD}`), "a password on the command line"],
  [new RegExp(String.raw`\b(curl|wget)\b[^\n;|&]*\s(-u|--user)[=\s]?\s*["']?[^\s:"'$]+:${WORD}`), "a password on the command line"],
  [new RegExp(String.raw`\b(mysql|mysqldump|mariadb)\b[^\n;|&]*\s-p${WORD}`), "a password on the command line"],
  [new RegExp(String.raw`\b(aws)\s+configure\s+set\s+\S*(secret|token)\S*\s+${WORD}{8,}`), "a key on the command line"],
  [new RegExp(String.raw`\b(openssl)\b[^\n;|&]*\spass:${WORD}`), "a password on the command line"],
];

/** The program that is given a secret in plain words, and which kind; null when there is none, or `allow` names the program. */
export function secretOfCommand(line: string, allow: readonly string[]): Reason | null {
  for (const [pattern, what] of COMMANDS) {
    const program = pattern.exec(line)?.[1];
    if (program !== undefined && !allow.includes(program)) return what;
  }
  return null;
}

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY/, "a private key"],
  [/\b(AKIA|ASIA)[A-Z0-9]{16}\b/, "an AWS access key"],
  [/\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})/, "a GitHub token"],
  [/\bglpat-[\w-]{16,}/, "a GitLab token"],
  [/\bhf_[A-Za-z0-9]{20,}/, "a Hugging Face token"],
  [/\bsk-[A-Za-z0-9_-]{20,}/, "an API key"],
  [/\bxox[abeprs]-[\w-]{10,}/, "a Slack token"],
  [/\bAIza[\w-]{30,}/, "a Google API key"],
  [/\bsecret_[A-Za-z0-9_]{16,}/, "a Lambda API key"],
  [/\b(pul|dop_v1|npm|nvapi|rpa|r8|gsk|glsa|wandb_v1)[_-][\w.-]{20,}/, "an API token"],
  [/\bpypi-[\w-]{40,}/, "a package index token"],
  [/\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\./, "a JSON web token"],
  [/\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:[^\s/@$]+@/i, "a password in an address"],
  [/\bBearer\s+(?!\$)[\w.~+/-]{12,}/i, "a bearer token"],
  [/\b(Authorization|X-[\w-]*(Key|Token)|PRIVATE-TOKEN):\s*(\w+\s+)?(?![\s$<])[\w.~+/=-]{12,}/i, "a key in a header"],
  [/\b(AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}/, "an Azure key"],
  [/[?&](X-Amz-Signature|X-Goog-Signature|sig|Signature)=[\w%+/-]{20,}/, "a signed address"],
];

/** By its prefix or form alone. */
export const knownKind = (value: string): Reason | null => KINDS.find(([pattern]) => pattern.test(value))?.[1] ?? null;

/** A text that quotes what somebody typed, without what looks like a key wherever it was typed. */
export const masked = (text: string): string =>
  KINDS.reduce((shown, [pattern]) => shown.replaceAll(new RegExp(pattern, `${pattern.flags}g`), NOT_SHOWN), text).replaceAll(/[A-Za-z0-9+/_=-]{24,}/g, (word) => (isRandom(word, ENTROPY) ? NOT_SHOWN : word));

const NOT_SHOWN = "(not shown)";
/** Bits per character, where nobody set another bound. */
const ENTROPY = 4;

/** Words that name a secret, at the end of a name: whatever stands there is one. */
const TOKEN_NAME = /(^|_)(api_?key|access_?key|private_?key|secret(_?key)?|token|auth_?token|credentials?)$/;
const PASSWORD_NAME = /(password|passwd|passphrase|passcode)$|^(pass|pwd|pw)$|(^|_)(db|pg|my|user|admin|root|mysql|postgres|redis|mongo|smtp|mail|ftp|sftp|ssh|vnc|registry|docker|git|proxy|api|auth|login|http|basic|jupyter|service|app|ldap|vault|keystore|sudo)_?(pass|pwd|pw|pin)$/;
/** In flags a pass is also a turn; in the names of variables hardly. */
const PASSWORD_VARIABLE = /^[A-Z0-9_]+_(PASS|PWD|PW|PIN)$/;
/** Keys of other kinds are as common as secret ones, so the value must look like a key as well. */
const KEY_NAME = /(^|_)(keys?|auth|creds?|secrets|sas|dsn|cookie|signature|salt|license)$/;
/** Words of a vocabulary and keys of a table. */
const OTHER_TOKEN = /(^|_)(pad|eos|bos|unk|sep|cls|mask|special|stop|start|end|eot|image|video|audio|speech|prompt|instance|class|placeholder|initializer|trigger|user|assistant|system|max|min|num|per|new|next|first|last)_token$/;
const OTHER_KEY = /(^|_)(cache|partition|sort|primary|foreign|object|s3|lookup|label|feature|column|row|join|group|routing|idempotency|public|host|known|dedup|hash|config|prompt|text|image|input|output|target|data|dataset|metric|monitor|dict|param|batch|sample|caption|index|map|shard)_keys?$/;

/** `WANDB_API_KEY`, `dbPassword` and `--a.b.api-key` in one spelling: the last name, in lower case, with underscores. */
const spelled = (name: string): string => (name.replace(/^[-+~]+/, "").split(".").at(-1) ?? "").replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll("-", "_").toLowerCase();

/** MAX_TOKENS, TOKENIZERS_PARALLELISM, TOKEN_FILE and --pad-token are no secrets; WANDB_API_KEY, PGPASSWORD, DB_PASS and --hf-token are. */
function isSecretByName(typed: string, value: string, entropyLimit: number): boolean {
  const name = spelled(typed);
  const bare = value.replaceAll(/^["']|["']$/g, "");
  if (isReference(bare) || isPath(bare, entropyLimit)) return false;
  if (PASSWORD_NAME.test(name) || PASSWORD_VARIABLE.test(typed)) return bare.length >= 4;
  if (OTHER_TOKEN.test(name) || OTHER_KEY.test(name)) return false;
  if (TOKEN_NAME.test(name)) return bare.length >= 6 && !/^[\d.]+$/.test(bare);
  return KEY_NAME.test(name) && looksLikeKey(bare);
}

/** What is kept elsewhere, a switch or a placeholder. */
const isReference = (value: string): boolean => /^(op|vault|ssm|arn|sm|gcpsm|keyring|env|file|ref\+\w+):|^\$|^<.*>$|^\{\{.*\}\}$|^(true|false|yes|no|none|null|required|optional|default|auto|x+|\*+)$/i.test(value);

/** Long, without words: hexadecimal, or letters and digits that alternate. */
function looksLikeKey(value: string): boolean {
  if (/^[0-9a-f]{20,}$/i.test(value)) return /\d/.test(value) && /[a-f]/i.test(value);
  if (!/^[A-Za-z0-9+/_=-]{16,}$/.test(value) || !/\d/.test(value) || !/[A-Za-z]/.test(value)) return false;
  return value.split(/[-_]/).some((part) => part.length >= 16 && (part.match(/\d(?=[A-Za-z])|[A-Za-z](?=\d)/g) ?? []).length >= 4);
}

const ROOTS = /^\/(home|root|etc|run|var|mnt|media|opt|tmp|usr|dev|srv|bin|lib|proc|sys|data|datasets|scratch|workspace|work|app|project|projects|secrets|vault|keys|certs|ssl|lambda|kaggle|content|storage|notebooks|checkpoints|models|Users|Volumes)(\/|$)/;

/** A base64 key may begin with a slash too: then it has no folder that anybody knows, no dot, and no words. */
function isPath(value: string, entropyLimit: number): boolean {
  if (/^(\.{1,2}|~)(\/|$)/.test(value)) return true;
  if (!value.startsWith("/")) return false;
  if (ROOTS.test(value) || !/^[A-Za-z0-9+/]{20,}={0,2}$/.test(value)) return true;
  return value.split("/").every((part) => part.length <= 3 || /^([A-Z]?[a-z]+|[A-Z]+)+\d{0,4}$/.test(part)) || bitsPerCharacter(value) < entropyLimit;
}

/** Digests, UUIDs, paths and names made of words and short numbers are long but mean something. */
function isRandom(word: string, entropyLimit: number): boolean {
  if (word.length < 24 || /^[0-9a-f-]+$/i.test(word)) return false;
  if (!/[a-z]/.test(word) || !/[A-Z]/.test(word) || !/\d/.test(word)) return false;
  const parts = word.split(/[-_/=+]+/).filter((part) => part !== "");
  if (parts.every((part) => part.length <= 12 || /^([A-Z]?[a-z]+|[A-Z]+)+\d{0,4}$/.test(part))) return false;
  return bitsPerCharacter(word) >= entropyLimit;
}

function bitsPerCharacter(word: string): number {
  const counts = new Map<string, number>();
  for (const character of word) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((bits, count) => bits - (count / word.length) * Math.log2(count / word.length), 0);
}

/** Words of a shell line: `--flag value`, `--flag=value` and `NAME=value` keep their names. Quotes are dropped. */
export function splitWords(line: string): NamedWord[] {
  const words = [...line.matchAll(/(?:[^\s'";|]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replaceAll(/['"]/g, ""));
  return words.map((word, index) => {
    const assigned = /^([-+~]{0,2}[A-Za-z_][\w.-]*)=(.+)$/s.exec(word);
    if (assigned !== null) return { name: assigned[1] ?? null, value: assigned[2] ?? "" };
    const before = words[index - 1];
    return { name: before !== undefined && /^--?[A-Za-z][\w.-]*$/.test(before) ? before : null, value: word };
  });
}
