/** Metrics as they lie on the machine's durable tier: whole curves thinned there, or only each cell's newest row. */
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { CellMetrics, MetricsRow } from "./series";
import { parseMetrics, parseRow } from "./series";

/** Name of the file in a cell's output folder. */
export const metricsFile = "metrics.jsonl";

/** A terminal has a few hundred columns and a page a thousand points; more only costs time on the line. */
export const rowsWanted = 2000;

// Every n-th line so that about `rowsWanted` stay, always the first, the last two and those that are not finite. Lines that are
// unreasonably long are no rows.
const thin = `
cd -- "$1/cells" 2>/dev/null || exit 0
wanted=$2
shift 2
for cell; do
  [ -f "$cell/${metricsFile}" ] || continue
  lines=$(wc -l <"$cell/${metricsFile}")
  every=$((lines / wanted + 1))
  printf '@%s %s\\n' "$cell" "$every"
  awk -v every="$every" -v lines="$lines" 'length($0) < 65536 && (NR % every == 1 || every == 1 || NR >= lines - 1 || /NaN|Infinity/)' "$cell/${metricsFile}"
  printf '\\n'
done`;

// Two lines, because the last may be half written.
const newest = `
cd -- "$1/cells" 2>/dev/null || exit 0
shift
for cell; do
  [ -f "$cell/${metricsFile}" ] || continue
  printf '@%s 1\\n' "$cell"
  tail -n 2 "$cell/${metricsFile}" | tail -c 65536
  printf '\\n'
done`;

/** Curves of the cells that have any. `directory` is the run's on the durable tier. Throws RemoteUnreachable, UserError. */
export async function readLiveMetrics(remote: Remote, directory: string, cells: readonly string[]): Promise<CellMetrics[]> {
  const stdout = await ask(remote, ["sh", "-c", thin, "sh", directory, String(rowsWanted), ...cells], { timeoutSeconds: 120 });
  return sections(stdout).map(({ cell, every, text }) => parseMetrics(cell, text, every));
}

/** The newest whole row of each cell that has one. Throws RemoteUnreachable, UserError. */
export async function readNewestRows(remote: Remote, directory: string, cells: readonly string[], options: AskOptions = {}): Promise<Map<string, MetricsRow>> {
  if (cells.length === 0) return new Map();
  const stdout = await ask(remote, ["sh", "-c", newest, "sh", directory, ...cells], options);
  const rows = sections(stdout).map(({ cell, text }) => [cell, text.split("\n").reverse().map(parseRow).find((row) => row !== null)] as const);
  return new Map(rows.filter((entry): entry is [string, MetricsRow] => entry[1] !== undefined));
}

interface AskOptions {
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

async function ask(remote: Remote, argv: readonly string[], options: AskOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await remote.exec(argv, options);
  if (exitCode === "unknown") throw new RemoteUnreachable(remote.description, "it did not answer in time, or the connection ended");
  if (exitCode !== 0) throw new UserError(`${remote.description}: the metrics cannot be read: ${stderr.trim() || `exit code ${exitCode}`}`, { code: "remote-command" });
  return stdout;
}

/** A row begins with a brace, so a line that begins with @ names the cell of what follows. */
function sections(stdout: string): { cell: string; every: number; text: string }[] {
  return stdout.split(/^@/m).slice(1).map((part) => {
    const [head = "", ...lines] = part.split("\n");
    const [cell = "", every = "1"] = head.split(" ");
    // The blank line that ends a section is not the file's.
    return { cell, every: Number(every), text: lines.join("\n").replace(/\n\n$/, "\n") };
  });
}
