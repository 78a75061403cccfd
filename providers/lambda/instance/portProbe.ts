/** Does a TCP port answer? Used to wait for sshd, which opens before or after the vendor says "active". */
import { connect } from "node:net";

export function probePort(host: string, port: number, timeoutMilliseconds = 5000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMilliseconds });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => {
      end(true);
    });
    socket.once("error", () => {
      end(false);
    });
    socket.once("timeout", () => {
      end(false);
    });
  });
}
