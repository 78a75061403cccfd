// Decompresses one deflated entry piece by piece, and stops at a limit: a zip bomb costs no more memory than an honest file.
import { createInflateRaw, type InflateRaw } from "node:zlib";

const pieceBytes = 64 * 1024;

export class BoundedInflate {
  readonly #stream: InflateRaw;
  #produced = 0;
  #fault: string | undefined;
  readonly #ended: Promise<void>;

  /** `limit` is asked before each piece goes to `take`; output beyond it is dropped and decompression ends. */
  constructor(
    private readonly compressedBytes: number,
    limit: () => number,
    take: (piece: Uint8Array) => void,
  ) {
    this.#stream = createInflateRaw({ chunkSize: pieceBytes });
    this.#ended = new Promise((resolve) => {
      this.#stream.on("close", resolve);
      this.#stream.on("end", resolve);
    });
    this.#stream.on("data", (piece: Buffer) => {
      if (this.#fault !== undefined) return;
      this.#produced += piece.length;
      if (this.#produced > limit()) this.#stop(`inflates to more than the ${limit()} bytes it should have`);
      else take(piece);
    });
    this.#stream.on("error", (error) => this.#stop(`cannot be inflated: ${error.message}`));
  }

  /** Resolves when `data` is no longer needed. */
  async write(data: Uint8Array): Promise<void> {
    if (this.#fault !== undefined || this.#stream.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#stream.once("close", resolve);
      this.#stream.write(data, () => {
        this.#stream.off("close", resolve);
        resolve();
      });
    });
  }

  /** What was wrong, or undefined. */
  async end(): Promise<string | undefined> {
    if (this.#fault === undefined) {
      this.#stream.end();
      await this.#ended;
    }
    if (this.#fault === undefined && this.#stream.bytesWritten !== this.compressedBytes) return `has ${this.compressedBytes - this.#stream.bytesWritten} bytes behind the end of its compressed data`;
    return this.#fault;
  }

  #stop(fault: string): void {
    this.#fault ??= fault;
    this.#stream.destroy();
  }
}
