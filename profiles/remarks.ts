/** What is said beside the facts of a profile: notes, and readings of other sources that are not used. */
import type { Evidence } from "./fact";
import type { Profile } from "./schema";

/** `path: source (month) says: reading`, for every fact on which another source says otherwise. */
export const disagreementsOf = (profile: Profile): string[] =>
  remarks(profile, (evidence) => (evidence.otherReadings ?? []).map((other) => `${other.source} (${other.verified}) says: ${other.reading}`));

/** `path: note`, for every fact that carries one. */
export const notesOf = (profile: Profile): string[] => remarks(profile, (evidence) => (evidence.note === undefined ? [] : [evidence.note]));

/** Sentences about facts anywhere in the profile, each after the path of its fact; steps of lists are ids, not numbers. */
function remarks(profile: Profile, say: (evidence: Evidence) => readonly string[]): string[] {
  const found: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    if (isEvidence(value)) for (const sentence of say(value)) found.push(`${path}: ${sentence}`);
    for (const [key, inner] of Object.entries(value)) if (key !== "otherReadings") visit(inner, Array.isArray(value) ? `${path}.${nameOf(inner) ?? key}` : `${path}.${key}`);
  };
  visit(profile, profile.id);
  return found;
}

const isEvidence = (value: object): value is Evidence => "source" in value && "verified" in value;

/** What a person would call an entry of a list: a verb together with what it acts on. */
function nameOf(entry: unknown): string | null {
  if (typeof entry !== "object" || entry === null) return null;
  const named = entry as Readonly<Record<string, unknown>>;
  if (typeof named["verb"] === "string" && typeof named["on"] === "string") return `${named["verb"]}(${named["on"]})`;
  const name = named["id"] ?? named["role"];
  return typeof name === "string" ? name : null;
}
