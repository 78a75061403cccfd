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
  if (name !== null && namesSecret(name) && isLiteral(value)) return "its name says so";
  return value.split(/[^A-Za-z0-9+/_=-]+/).some((word) => isRandom(word, entropyLimit)) ? "a long random word" : null;
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
];

/** By its prefix or form alone. */
export const knownKind = (value: string): Reason | null => KINDS.find(([pattern]) => pattern.test(value))?.[1] ?? null;

const SECRET_NAME = /(^|[_-])(api[_-]?key|access[_-]?key|private[_-]?key|secret([_-]?key)?|token|auth[_-]?token|password|passwd|passphrase|credentials?)$/i;

/** MAX_TOKENS, TOKENIZERS_PARALLELISM and TOKEN_FILE are no secrets; WANDB_API_KEY and --hf-token are. */
const namesSecret = (name: string): boolean => SECRET_NAME.test(name.replace(/^-+/, ""));

/** References to something kept elsewhere, switches and counts are not the secret itself. */
const isLiteral = (value: string): boolean => value.length >= 6 && !NO_LITERAL.some((pattern) => pattern.test(value));
const NO_LITERAL: readonly RegExp[] = [/^["']?\$/, /^[\d.]+$/, /^(true|false|none|null|required|optional|default)$/i, /^(\.{0,2}|~)\//];

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
  const words = [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replaceAll(/['"]/g, ""));
  return words.map((word, index) => {
    const assigned = /^(--?[\w-]+|[A-Za-z_]\w*)=(.+)$/s.exec(word);
    if (assigned !== null) return { name: assigned[1] ?? null, value: assigned[2] ?? "" };
    const before = words[index - 1];
    return { name: before !== undefined && /^--?[A-Za-z][\w-]*$/.test(before) ? before : null, value: word };
  });
}
