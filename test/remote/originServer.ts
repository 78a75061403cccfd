/** A real HTTP server on loopback that a data set comes from: with ranges and versions, and what can go wrong with them. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Request {
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
  readonly status: number;
  /** Bytes of the body that left. */
  sent: number;
}

export class OriginServer {
  readonly requests: Request[] = [];
  /** Path to content. */
  readonly files = new Map<string, Buffer>();
  /** Connections are cut after so many bytes of a body; null: never. Counts down with every cut. */
  cutAfterBytes: number | null = null;
  cuts = 0;
  /** Bodies stop, and the connection stays open, after so many bytes. */
  stallAfterBytes: number | null = null;
  /** Called when a connection has been cut. */
  onCut: () => void = () => undefined;
  ranges = true;
  /** Answered instead of a file, for the next `refusals` requests. */
  refusal: { readonly status: number; readonly headers?: Record<string, string> } | null = null;
  refusals = 0;
  tags = true;
  /** A token without which nothing is given. */
  token: string | null = null;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<OriginServer> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const origin = new OriginServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on("request", (request, response) => { origin.answer(request, response); });
    return origin;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((done) => this.server.close(() => { done(); }));
  }

  /** Serves `content` under `path` and says its sha256. */
  put(path: string, content: Buffer): string {
    this.files.set(path, content);
    return createHash("sha256").update(content).digest("hex");
  }

  /** Cuts the connections whose bodies stopped. */
  cutStalled(): void {
    for (const response of this.stalled.splice(0)) response.destroy();
  }

  private readonly stalled: ServerResponse[] = [];

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? "/", this.url).pathname;
    const range = request.headers.range ?? null;
    const note = (status: number): Request => {
      const entry = { path, range, authorization: request.headers.authorization ?? null, status, sent: 0 };
      this.requests.push(entry);
      return entry;
    };
    const end = (status: number, headers: Record<string, string> = {}): void => {
      note(status);
      response.writeHead(status, headers).end();
    };
    if (this.refusal !== null && this.refusals > 0) {
      this.refusals -= 1;
      end(this.refusal.status, this.refusal.headers);
      return;
    }
    if (this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) { end(401); return; }
    const content = this.files.get(path);
    if (content === undefined) { end(404); return; }
    const tag = `"${createHash("sha256").update(content).digest("hex").slice(0, 16)}"`;
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const unchanged = request.headers["if-range"] === undefined || request.headers["if-range"] === tag;
    const partial = this.ranges && range !== null && unchanged;
    if (partial && from >= content.length) { end(416); return; }
    const body = partial ? content.subarray(from) : content;
    response.writeHead(partial ? 206 : 200, {
      "Content-Length": body.length,
      ...(this.tags ? { ETag: tag } : {}),
      ...(partial ? { "Content-Range": `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    });
    this.send(response, body, note(partial ? 206 : 200));
  }

  private send(response: ServerResponse, body: Buffer, entry: Request): void {
    const cut = this.cuts > 0 ? this.cutAfterBytes : null;
    const limit = Math.min(body.length, cut ?? body.length, this.stallAfterBytes ?? body.length);
    entry.sent = limit;
    if (limit === body.length) { response.end(body); return; }
    if (cut !== null && limit === cut) this.cuts -= 1;
    else this.stalled.push(response);
    // The part must have left before the connection goes, else it would not have been sent.
    response.write(body.subarray(0, limit), () => {
      if (cut === null || limit !== cut) return;
      this.onCut();
      response.socket?.end(() => response.destroy());
    });
  }
}
