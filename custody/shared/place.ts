/**
 * A place where several machines keep the evidence of their runs: a folder, a folder on an SSH host, a bucket. What is asked of
 * it is little, so that each of them can promise it: files that appear whole, and one of two writers who is told that he was late.
 */
export interface SharedPlace {
  /** For messages: `s3://bucket/prefix`. Never contains a secret. */
  readonly description: string;

  /** Files below `folder`, with their names relative to it and forward slashes, sorted. An absent folder is empty. `only`: with this last part. */
  list(folder: string, only?: string): Promise<readonly SharedFile[]>;

  /** null: there is none. `unchanged`: it still is the version that was named. */
  read(name: string, unless?: string): Promise<SharedContent | "unchanged" | null>;

  /** Replaces or creates a file that only ever holds what its name says, so that two writers cannot spoil each other. */
  write(name: string, content: string): Promise<void>;

  /** Compare and swap: writes only while `version` is what is there (null: nothing). The new version, or null when somebody else was first. */
  replace(name: string, content: string, version: string | null): Promise<string | null>;

  /** Closes connections. */
  close(): Promise<void>;
}

export interface SharedFile {
  readonly name: string;
  /** Another one as soon as the content is another. */
  readonly version: string;
}

export interface SharedContent {
  readonly content: string;
  readonly version: string;
}
