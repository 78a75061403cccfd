/** Is the engine that started this process still there? A provider outlives a command line that was killed. */
import { connect } from "node:net";
import { UserError } from "../custody/userError";

/** The engine's address as the dynamic provider's process receives it: the last argument, `127.0.0.1:PORT`. */
export function engineAddress(argv: readonly string[]): { host: string; port: number } | null {
  const match = /^(127\.0\.0\.1|localhost|\[?::1\]?):(\d{1,5})$/.exec(argv.at(-1) ?? "");
  return match ? { host: (match[1] ?? "").replace(/[[\]]/g, ""), port: Number(match[2]) } : null;
}

/**
 * Resolves while the engine accepts connections; throws once it does not. Outside an engine (tests, the command line)
 * there is nothing to check.
 */
export function assertEngineAlive(argv: readonly string[] = process.argv): Promise<void> {
  const address = engineAddress(argv);
  if (address === null) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, timeout: 2000 });
    const gone = (): void => {
      socket.destroy();
      reject(new UserError("The command that started this operation is gone; nothing more is bought on its behalf.", { code: "engine-gone" }));
    };
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", gone);
    socket.once("timeout", gone);
  });
}

const lookEveryMilliseconds = 5000;

/**
 * Ends this process once the engine that started it is gone and no operation is under way. An engine that was killed cannot say
 * goodbye, and its provider would stay for ever. Outside a provider process it does nothing.
 */
export function leaveWithEngine(isIdle: () => boolean, argv: readonly string[] = process.argv): void {
  if (engineAddress(argv) === null) return;
  // The SDK reports an uncaught error on stderr. Without a reader that write fails, which is an uncaught error again, and so on
  // at full speed for ever.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  const timer = setInterval(() => {
    if (!isIdle()) return;
    assertEngineAlive(argv).catch(() => {
      if (isIdle()) process.exit(0);
    });
  }, lookEveryMilliseconds);
  timer.unref();
}
