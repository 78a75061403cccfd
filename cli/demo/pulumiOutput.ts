/** The essential lines of what the engine prints: what was made, deleted or refused; not its bookkeeping. Pure. */

const colours = /\u001b\[[0-9;]*[A-Za-z]/g;

/** `+ LambdaInstance digits-instance created (3.2s)`, or null for a line that says nothing new. */
export function essentialLine(raw: string): string | null {
  const line = raw.replace(colours, "").trimEnd();
  const step = /^\s*([+\-~]{1,2})\s+(\S+)\s+(\S+)\s+(created|deleted|updated|replaced|deleted original|created replacement)\b\s*(\([\d.]+s\))?/.exec(line);
  if (step) return `${step[1]} ${shortType(step[2] ?? "")} ${step[3]} ${step[4]} ${step[5] ?? ""}`.trimEnd();
  const failed = /^\s*[+\-~]{0,2}\s+(\S+)\s+(\S+)\s+\*\*(creating|deleting|updating) failed\*\*/.exec(line);
  if (failed) return `✗ ${shortType(failed[1] ?? "")} ${failed[2]}: ${failed[3]} failed`;
  if (/^\s*(Resources|Outputs):?$/.test(line)) return null;
  const said = /^\s+pulumi:pulumi:Stack \S+ {2}(\S.*)$/.exec(line)?.[1];
  if (said !== undefined && !/^(\d+ (messages?|errors?|warnings?)|error:|:$)/.test(said)) return said;
  const summary = /^\s+([+\-~]|\+-)?\s*(\d+) (created|deleted|updated|unchanged|replaced)\b/.exec(line);
  if (summary) return `${summary[2]} ${summary[3]}`;
  return null;
}

/** What the program and its resources said, without who said it: the lines of the diagnostics at the end. */
export function saidIn(output: string): string[] {
  const lines = output.replace(colours, "").split("\n").map((line) => line.trimEnd());
  const first = lines.indexOf("Diagnostics:");
  if (first === -1) return [];
  const rest = lines.slice(first + 1);
  const end = rest.findIndex((line) => /^\S/.test(line));
  return rest.slice(0, end === -1 ? rest.length : end).filter((line) => line !== "" && !/^ {2}\S+ \(.*\):$/.test(line)).map((line) => line.trim());
}

/** `pulumi-nodejs:dynamic/holdfast:LambdaInstance` is a LambdaInstance, `holdfast:lambda:LambdaRun` a LambdaRun. */
export const shortType = (type: string): string => type.split(":").at(-1) ?? type;

/** The refusal as the gate wrote it: from `Refused:` to the last of its `next:` lines; null when nothing was refused. */
export function refusalIn(output: string): string | null {
  const lines = output.replace(colours, "").split("\n");
  // The progress lines say it too, cut short; the diagnostics have the whole paragraph.
  const whole = lines.findIndex((line) => /^\s+error: Refused:/.test(line));
  const first = whole === -1 ? lines.findIndex((line) => line.includes("Refused:")) : whole;
  if (first === -1) return null;
  const start = lines[first]?.slice(lines[first].indexOf("Refused:")) ?? "";
  const rest = lines.slice(first + 1);
  const end = rest.findIndex((line) => line.trim() === "" || /^(Resources|Outputs|Duration|error:)/.test(line.trim()));
  const body = end === -1 ? rest : rest.slice(0, end);
  const indent = Math.min(...body.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length));
  return [start, ...body.map((line) => `  ${line.slice(Number.isFinite(indent) ? indent : 0)}`)].join("\n").trimEnd();
}

/** Lines that an operation of a resource said to the person (`    holdfast:... (name):` blocks are the engine's own). */
export function errorText(output: string): string {
  return output.replace(colours, "").split("\n").filter((line) => /error/i.test(line)).join("\n");
}
