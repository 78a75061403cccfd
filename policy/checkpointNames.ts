/** Names by which programs are told where to keep something: variables, flags, keys of a configuration. Pure. */
import type { Readings } from "./shell/expand";

/**
 * `checkpoint`: names checkpoints and a place. `output`: names some output. `bare`: says checkpoint, save or output and not
 * that it means a folder; it may as well name a file that is read.
 */
export type Says = "checkpoint" | "output" | "bare";

const KEEPS = "(dir|directory|path|folder|root|uri|url)";
const CHECKPOINT = new RegExp(`(^|[._-])(checkpoint|ckpt)s?([._-]?(save|out|output))?[._-]?${KEEPS}$`, "i");
const OUTPUT = new RegExp(`(^|[._-])((output|out|save|saves|result|results|work|exp|experiment|run|default[._-]root)[._-]?${KEEPS}|hydra\\.run\\.dir)$`, "i");
const BARE = /(^|\.)((checkpoint|ckpt)s?|save|output|out)$/i;
/** What is read at the start is no place to write to. */
const READS = /(^|[._-])(overwrite|load|init|initial|resume|pretrained|restore|from|teacher|base(?![._-]?(output|save))|input|source|src)([._-]|$)/i;
/** Switches and counts. */
const NO_PLACE = /^(true|false|yes|no|none|null|auto|on|off|\d+(\.\d+)?)$/i;
const FILE = /\.(pt|pth|ckpt|bin|safetensors|npz?|h5|hdf5|pkl|onnx|gguf|tar|gz|zip|out|err|log|txt|json|csv|ya?ml)$|%|^\/dev\/null$/i;

/** What a name says of its value, or null. Dashes and Hydra's signs in front do not count. */
export function saysPlace(name: string, value: string): Says | null {
  const bare = name.replace(/^[-+~]+/, "");
  if (/^HOLDFAST_(CHECKPOINT|OUTPUT)_DIR$/.test(bare)) return "checkpoint";
  if (READS.test(bare) || NO_PLACE.test(value)) return null;
  if (CHECKPOINT.test(bare)) return "checkpoint";
  if (OUTPUT.test(bare)) return "output";
  return BARE.test(bare) && /^([/~$.]|[a-z][\w+.-]*:\/\/)/i.test(value) && !FILE.test(value) ? "bare" : null;
}

export interface NamedReadings {
  /** As it was typed. */
  readonly name: string;
  readonly readings: Readings;
}

/** Words that give a name a value: `--name=value`, `name=value`, `--name value` and, in capitals, `NAME value`. */
export function namedValues(words: readonly Readings[]): NamedReadings[] {
  return words.flatMap((readings, index): NamedReadings[] => {
    const assigned = readings.flatMap((reading) => [...reading.matchAll(/^([-+~]{0,2}[\w.-]+)=(\S+)$/g)].map(([, name = "", value = ""]) => ({ name, value })));
    const [first] = assigned;
    if (first !== undefined) return [{ name: first.name, readings: assigned.map(({ value }) => value) }];
    const [name = ""] = readings;
    const next = words[index + 1];
    if (next === undefined || !/^(--?[A-Za-z][\w.-]*|[A-Z][A-Z0-9_.]+)$/.test(name) || next.every((reading) => reading.startsWith("--") || /\s/.test(reading))) return [];
    return [{ name, readings: next }];
  });
}

/** Names and values of a configuration, whatever its syntax: YAML, JSON, an INI file, a call in Python. */
export const valuesInDocument = (text: string): NamedReadings[] => [...text.matchAll(/["']?([A-Za-z][\w.-]*)["']?\s*[:=]\s*["']?([^\s"',()#=]+)/g)].map(([, name = "", value = ""]) => ({ name, readings: [value.replaceAll(/\$\{oc\.env:(\w+)[^}]*\}/g, "${$1}")] }));

const TRAINS = /(?<![a-z])(pre|fine-?)?train(er|ing)?(?![a-z])|(?<![a-z])fine-?tun|torchrun|accelerate\s+launch|deepspeed|horovodrun|(?<![a-z])sft(?![a-z])/i;

/** By its command line alone. */
export const looksLikeTraining = (line: string): boolean => TRAINS.test(line);
