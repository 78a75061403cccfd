/** What an exit code 255 of ssh means: it is the transport's own code, and a remote program may return it too. Pure. */

export type TransportFault =
  /** No session was opened: nothing ran, so trying again is safe. */
  | { readonly kind: "no-connection"; readonly reason: string }
  | { readonly kind: "host-key-changed"; readonly reason: string }
  | { readonly kind: "denied"; readonly reason: string }
  /** The connection ended after the program may have started: look again, assume nothing. */
  | { readonly kind: "lost"; readonly reason: string };

const beforeSession = [
  /ssh: connect to host .* port \d+: (.*)/,
  /(kex_exchange_identification: .*)/,
  /(Connection (?:closed|reset) by .* port \d+)/,
  /(banner exchange: .*)/,
  /(Could not resolve hostname .*)/,
  /(Connection timed out during banner exchange)/,
  /(Control socket connect\(.*\): .*)/,
  /(mux_client_request_session: .*)/,
];

/** Classifies ssh's (or rsync-over-ssh's) stderr after exit code 255. */
export function classifyTransportFault(stderr: string): TransportFault {
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/.test(stderr)) {
    return { kind: "host-key-changed", reason: "its host key is not the one recorded at first contact" };
  }
  const denied = /(Permission denied \([^)]*\))/.exec(stderr);
  if (denied) return { kind: "denied", reason: denied[1] ?? "permission denied" };
  for (const pattern of beforeSession) {
    const match = pattern.exec(stderr);
    if (match) return { kind: "no-connection", reason: (match[1] ?? match[0]).trim() };
  }
  return { kind: "lost", reason: stderr.trim().split("\n").at(-1) || "the connection ended" };
}

/** One word of a POSIX shell command line. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Bytes and rate from one `rsync --info=progress2` line, or null when the line is something else. */
export function parseRsyncProgress(line: string): { bytes: number; bytesPerSecond?: number } | null {
  const match = /^\s*([\d,]+)\s+\d+%\s+([\d.]+)([kMGT]?)B\/s/.exec(line);
  if (!match) return null;
  const factor = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 }[match[3] ?? ""] ?? 1;
  return { bytes: Number((match[1] ?? "0").replaceAll(",", "")), bytesPerSecond: Number(match[2]) * factor };
}
