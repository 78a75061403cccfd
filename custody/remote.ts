/**
 * What custody needs of the place where artifacts durably live: run a program there, move files from and to it.
 * The SSH runner in providers/ssh implements it; tests implement it with a local folder.
 */
export interface Remote {
  /** For messages: `ubuntu@192.0.2.7:22`. Never contains a secret. */
  readonly description: string;

  /**
   * Runs argv on the other side (each word quoted; no local shell). Resolves for every exit code.
   * `exitCode: "unknown"` means the transport ended before the remote program reported: look again, never assume.
   * Throws RemoteUnreachable when no connection could be made within the bounded retries.
   */
  exec(argv: readonly string[], options?: RemoteExecOptions): Promise<RemoteResult>;

  /** Copies the named files (paths relative to `from`) into `to`, resuming partial files. Throws RemoteUnreachable or UserError. */
  pull(from: string, to: string, options: RemotePullOptions): Promise<void>;

  /** The other way: local files (paths relative to `from`, links followed) into `to`, which is made. Resumes like pull. */
  send(from: string, to: string, options: RemotePullOptions): Promise<void>;

  /** Copies a local folder's content to a remote folder that does not exist yet, then renames it into place. */
  push(from: string, to: string, options?: { signal?: AbortSignal; exclude?: readonly string[] }): Promise<void>;

  /** Writes a small file atomically; the content travels over stdin, never argv. Mode is octal, e.g. 0o600. */
  write(path: string, content: string | Uint8Array, mode: number): Promise<void>;

  /** Lets go of shared connections; they end with the last call that goes on over them. */
  close(): Promise<void>;
}

export interface RemoteExecOptions {
  readonly stdin?: string | Uint8Array;
  /** Seconds until the call is abandoned (exitCode "unknown"). Default 60. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
  /** Called with each whole line of stdout as it arrives. */
  readonly onLine?: (line: string) => void;
  /** false: stdout goes to `onLine` only, and the result's is empty. For output without an end. */
  readonly keepOutput?: boolean;
}

export interface RemoteResult {
  readonly exitCode: number | "unknown";
  readonly stdout: string;
  readonly stderr: string;
}

export interface RemotePullOptions {
  readonly files: readonly string[];
  readonly onProgress?: (progress: { readonly bytes: number; readonly bytesPerSecond?: number }) => void;
  readonly signal?: AbortSignal;
}

/** The machine did not answer. It proves nothing about the run on it. */
export class RemoteUnreachable extends Error {
  constructor(
    readonly remote: string,
    readonly reason: string,
    options?: { cause?: unknown },
  ) {
    super(`${remote} does not answer: ${reason}`, options);
    this.name = "RemoteUnreachable";
  }
}
