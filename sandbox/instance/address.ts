// Loopback addresses and ports. All of 127/8 is local, so every instance can have its own address without any privilege.
import { randomInt } from "node:crypto";
import { connect, createServer } from "node:net";
import { UserError } from "../../custody/userError.js";

/** A free 127.77.a.b; random, so that a new instance seldom inherits the address of an ended one. Another sandbox has another port. */
export function chooseAddress(taken: ReadonlySet<string>): string {
  for (;;) {
    const address = `127.77.${randomInt(0, 256)}.${randomInt(1, 255)}`;
    if (!taken.has(address)) return address;
  }
}

/** A port for every sshd of this sandbox: above the well-known ones, below the kernel's range for outgoing connections. */
export async function chooseSshPort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(20_000, 30_000);
    if ((await isFree("127.0.0.1", port)) && (await isFree("127.77.0.1", port))) return port;
  }
  throw new UserError("The sandbox found no free port between 20000 and 30000 for its instances' sshd.", { code: "sandbox-no-port" });
}

/** True when an SSH server says its banner at this address. */
export function answersSsh(address: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => { finish(false); });
    socket.once("error", () => { finish(false); });
    socket.once("close", () => { finish(false); });
    socket.once("data", (bytes) => { finish(bytes.toString("latin1").startsWith("SSH-")); });
  });
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => { resolve(false); });
    server.listen({ host, port, exclusive: true }, () => server.close(() => { resolve(true); }));
  });
}
