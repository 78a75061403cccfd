/** The transfer of a pull against rsync as one would type it, over one and the same connection to a real sshd; and what a cut costs. */
import { execa } from "execa";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFillSync } from "node:crypto";
import type { Remote } from "../../custody/remote";
import { verifyTree, warmThreads } from "../../custody/verify";
import { openSshRemote } from "../../providers/ssh/remote";
import { targetName, writeSshConfig } from "../../providers/ssh/config";
import { PrivateSshd } from "../integration/ssh/sshd";
import { mebi } from "./checkpoints";
import { CountingProxy } from "./countingProxy";
import { inTurn, median } from "./measure";
import type { Row, Scale } from "./table";

interface Tree {
  readonly what: string;
  readonly from: string;
  readonly files: readonly string[];
  readonly bytes: number;
}

export async function benchPull({ quick, rounds }: Scale): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const sshd = await PrivateSshd.start();
  try {
    const big = makeTree(join(directory, "big"), 1, quick ? 128 * mebi : 2e9);
    const many = makeTree(join(directory, "many"), quick ? 100 : 2000, mebi);
    // Each takes many seconds and varies little: one round less than elsewhere.
    const times = Math.max(1, rounds - 1);
    return [
      ...(await benchTree(sshd, directory, big, times)),
      ...(await benchTree(sshd, directory, many, times)),
      ...(await benchResume(sshd, directory, makeTree(join(directory, "cut"), 1, (quick ? 64 : 1024) * mebi))),
    ];
  } finally {
    await sshd.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Random bytes: nothing on the way can make them fewer. */
function makeTree(from: string, count: number, each: number): Tree {
  mkdirSync(from, { recursive: true });
  const piece = randomFillSync(Buffer.alloc(mebi));
  const files = Array.from({ length: count }, (_, index) => `cells/${index % 50}/step-${String(index).padStart(6, "0")}.bin`);
  for (const [index, file] of files.entries()) {
    mkdirSync(join(from, file, ".."), { recursive: true });
    const descriptor = openSync(join(from, file), "w");
    for (let left = each; left > 0; left -= piece.length) {
      piece.writeUInt32LE((index * 65_536 + left / 4) >>> 0, 0);
      writeSync(descriptor, piece.subarray(0, Math.min(left, piece.length)));
    }
    closeSync(descriptor);
  }
  return { what: count === 1 ? `one file of ${(each / 1e9).toPrecision(2)} GB` : `${count} files of 1 MiB`, from, files, bytes: count * each };
}

async function benchTree(sshd: PrivateSshd, directory: string, { what, from, files, bytes }: Tree, rounds: number): Promise<Row[]> {
  const remote = openSshRemote(sshd.target);
  const config = writeSshConfig(sshd.target);
  const to = join(directory, "to");
  const afresh = (): string => {
    rmSync(to, { recursive: true, force: true });
    mkdirSync(to);
    return to;
  };
  try {
    await remote.exec(["true"]);
    const times = await inTurn(rounds, {
      raw: async () => execa("rsync", ["-a", "-e", `ssh -F '${config}'`, `${targetName}:${from}/`, `${afresh()}/`]),
      ours: async () => remote.pull(from, afresh(), { files, onProgress: () => undefined }),
      whole: async () => pullAndVerify(remote, from, afresh(), files, bytes),
    });
    const raw = median(times["raw"] ?? []);
    return [
      { name: `rsync -a of ${what}`, value: bytes / mebi / raw, unit: "MiB/s", goal: null },
      { name: `a pull's transfer of ${what}, time against it`, value: median(times["ours"] ?? []) / raw, unit: "x", goal: "<= 1.05" },
      { name: `transfer and verification of ${what}, time against it`, value: median(times["whole"] ?? []) / raw, unit: "x", goal: null },
    ];
  } finally {
    await remote.close();
  }
}

async function pullAndVerify(remote: Remote, from: string, to: string, files: readonly string[], bytes: number): Promise<void> {
  warmThreads(bytes);
  await remote.pull(from, to, { files });
  const { ok } = await verifyTree(to, files.map((path) => ({ path })));
  if (!ok) throw new Error("the copy is damaged");
}

/** Cuts the connection when half has arrived, and counts what crosses it in the second try. */
async function benchResume(sshd: PrivateSshd, directory: string, { what, from, files, bytes }: Tree): Promise<Row[]> {
  const to = join(directory, "resumed");
  mkdirSync(to);
  const proxy = await CountingProxy.open(sshd.target.port);
  const remote = openSshRemote({ ...sshd.target, port: proxy.port, hostKeyAlias: "counted" });
  const watch = setInterval(() => {
    if (proxy.received > bytes / 2) proxy.cut();
  }, 5);
  try {
    await remote.pull(from, to, { files }).then(
      () => { throw new Error("the transfer ended before it was cut"); },
      () => undefined,
    );
    clearInterval(watch);
    const arrived = partialBytes(to);
    proxy.received = 0;
    await remote.pull(from, to, { files });
    return [
      { name: `of ${what}, cut at half, had arrived`, value: arrived / bytes, unit: "", goal: null },
      { name: "sent again after it", value: Math.max(0, proxy.received - (bytes - arrived)) / mebi, unit: "MiB", goal: "< 8" },
    ];
  } finally {
    clearInterval(watch);
    await remote.close();
    proxy.close();
  }
}

/** What rsync keeps of a file that was cut. */
function partialBytes(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
