/** A port on loopback that passes everything to another one and counts what comes back: what a transfer really moved. */
import { createServer, connect, type Server, type Socket } from "node:net";

export class CountingProxy {
  /** Bytes that the server behind has sent so far. */
  received = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async open(to: number): Promise<CountingProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const proxy = new CountingProxy(server, address.port);
    server.on("connection", (near: Socket) => proxy.#join(near, connect(to, "127.0.0.1")));
    return proxy;
  }

  /** Ends every connection, as a network that goes away does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  #join(near: Socket, far: Socket): void {
    for (const [one, other] of [[near, far], [far, near]] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    far.on("data", (chunk: Buffer) => (this.received += chunk.length));
  }
}
