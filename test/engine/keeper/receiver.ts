/** Where events of the keeper arrive: a webhook on loopback that keeps what it was sent. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { KeeperEvent } from "../../../cli/keeper/events";

export class Receiver {
  readonly events: KeeperEvent[] = [];
  /** Status of the next answers; 204 when there is none left. */
  readonly answers: number[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on("request", (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => { body += text; });
      request.on("end", () => {
        const status = receiver.answers.shift() ?? 204;
        if (status < 300) receiver.events.push(JSON.parse(body) as KeeperEvent);
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((done) => { server.listen(0, "127.0.0.1", done); });
    return receiver;
  }

  /** Its path holds a token, as real ones do. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks/token-that-nobody-may-print`;
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => { this.server.close(done); });
  }
}
