/** The lock file of a job's packages: what it pins, and where that is installed on the instance. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { sha256Hex } from "../../custody";
import type { Fault, JobRequest, Plan, PlanLock } from "../../profiles";
import { ConfigError } from "../../profiles";
import { shellWord } from "../ssh/outcome";

/** Left to the image where it has them: its builds match the driver and the GPU (remote/lib/install_lock.py has the same list). */
export const FRAMEWORKS: readonly string[] = ["torch", "torchvision", "torchaudio", "tensorflow"];

/** `directory`: the job's code, absolute. Null when the job has no lock file. Throws ConfigError for what is no lock. */
export function readLock({ setup }: JobRequest, directory: string): PlanLock | null {
  if (setup.lock === null) return null;
  const path = setup.lock;
  const fail = (message: string): never => {
    const fault: Fault = { path: ["job", "setup", "lock"], message: `= ${JSON.stringify(path)}: ${message}` };
    throw new ConfigError("job", "job request", [fault]);
  };
  const other = OTHER_FORMATS[basename(path)];
  if (other !== undefined) return fail(`must be in pip's requirements format; write it with: ${other}`);
  let text: string;
  try {
    text = readFileSync(join(directory, path), "utf8");
  } catch {
    return fail(`must be a file in the code directory (looked at ${join(directory, path)})`);
  }
  const lines = requirementLines(text);
  const loose = lines.find((line) => !/^-/.test(line) && !isPinned(line));
  if (loose !== undefined) return fail(`must pin every package with ==, and has "${loose.slice(0, 60)}"; write it with: uv pip compile requirements.in -o ${path}, or pip-compile`);
  const option = lines.find((line) => /^(-e|--editable|-r|--requirement|-c|--constraint)\b/.test(line));
  if (option !== undefined) return fail(`must stand for itself, and has "${option.slice(0, 60)}"; what is part of the code can be installed in setup.script`);
  if (lines.some((line) => /:\/\/[^\s/@]+@/.test(line))) return fail("holds credentials in an address: name a secret in secrets (such as PIP_INDEX_URL), and remove it here");
  const pins = lines.filter((line) => !line.startsWith("-"));
  return { path, sha256: sha256Hex(text), packages: pins.length, frameworks: pins.filter((line) => FRAMEWORKS.includes(nameOf(line))).map((line) => line.split(/[\s;]/)[0] ?? line) };
}

const OTHER_FORMATS: Readonly<Record<string, string>> = {
  "uv.lock": "uv export --format requirements-txt > requirements.lock",
  "poetry.lock": "poetry export -o requirements.lock",
  "pdm.lock": "pdm export -o requirements.lock",
  "Pipfile.lock": "pipenv requirements > requirements.lock",
  "pylock.toml": "uv export --format requirements-txt > requirements.lock",
  "conda-lock.yml": "pip freeze > requirements.lock in an environment that works",
};

/** Continuation lines joined, comments and hashes dropped. */
const requirementLines = (text: string): string[] =>
  text
    .replaceAll(/\\[ \t]*\r?\n/g, " ")
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").replaceAll(/\s--hash[= ]\S+/g, "").trim())
    .filter((line) => line !== "");

const isPinned = (line: string): boolean => /^[A-Za-z0-9][\w.-]*(\[[^\]]*\])?\s*(===?\s*[^\s,;*]+|@\s*\S+)(\s*;.*)?$/.test(line);

const nameOf = (line: string): string => (/^[A-Za-z0-9][\w.-]*/.exec(line)?.[0] ?? "").replaceAll(/[-_.]+/g, "-").toLowerCase();

/** `lock` for the queue, `packages.env` for the payload; relative to the spec folder. */
export function lockFiles(plan: Plan): Map<string, string> {
  if (plan.lock === null) return new Map();
  const target = `${plan.ownDisk.home}/holdfast/packages/${sha256Hex(`${plan.lock.sha256} ${plan.host.python}`).slice(0, 16)}`;
  const word = shellWord(target);
  return new Map([
    ["lock", `path=${plan.lock.path}\ntarget=${target}\npython=${plan.host.python}\n`],
    ["packages.env", `export PYTHONPATH=${word}"\${PYTHONPATH:+:$PYTHONPATH}" PATH=${word}/bin:"$PATH"\n`],
  ]);
}
