// Mutual exclusion between processes of one machine that the kernel releases when the holder dies: a listening socket
// with an abstract address. A lock file would have to be judged stale, and two judges can both be right.
import { createServer } from "node:net";

export interface Lock {
  release(): Promise<void>;
}

/** Takes the lock, or returns undefined when another process (or another caller in this one) holds it. */
export function tryLock(name: string): Promise<Lock | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen({ path: `\0${name}` }, () => {
      resolve({ release: () => new Promise((done) => server.close(() => { done(); })) });
    });
  });
}

export const daemonLockName = (tag: string): string => `holdfast-sandbox-${tag}`;
export const startLockName = (tag: string): string => `holdfast-sandbox-${tag}-start`;
