/** Opens the place that a stack's config names: a folder, a folder over SSH, a bucket. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { BucketPlace, FolderPlace, RemoteFolderPlace, sha256Hex, SharedCustody, writeFileDurably, type SharedPlace } from "../../custody";
import type { Clock } from "../../custody/clock";
import { custodyRootOf } from "../../custody/store";
import type { SharedStore } from "../../profiles";
import { ownEndpoints } from "../endpointOf";
import { openSshRemote } from "../ssh/remote";

/** Connects at the first call. */
export function openSharedCustody(store: SharedStore, options: { readonly projectRoot: string; readonly clock: Clock }): SharedCustody {
  return new SharedCustody(openPlace(store, options), { ...options, judgeEndpoint: (run) => ownEndpoints(options.projectRoot, run.stack) });
}

function openPlace(store: SharedStore, { projectRoot, clock }: { readonly projectRoot: string; readonly clock: Clock }): SharedPlace {
  const own = join(custodyRootOf(projectRoot), "shared");
  switch (store.kind) {
    case "folder":
      return new FolderPlace(absolute(store.path, projectRoot));
    case "ssh": {
      const { user, host, port, path, keyFile } = store;
      const target = { user, host, port, keyPath: keyFile === null ? null : absolute(keyFile, projectRoot), knownHostsPath: join(own, "known_hosts"), hostKeyAlias: `${host}-${port}` };
      return new RemoteFolderPlace(openSshRemote(target, { clock, attempts: 2 }), path, `ssh://${user === null ? "" : `${user}@`}${host}${port === 22 ? "" : `:${port}`}${path}`);
    }
    case "bucket": {
      const { kind: _, ...settings } = store;
      const proof = join(own, `obeys-${sha256Hex(JSON.stringify([settings.endpoint, settings.bucket])).slice(0, 16)}`);
      return new BucketPlace(settings, { obeys: { known: () => existsSync(proof), remember: () => { writeFileDurably(proof, ""); } } });
    }
    default:
      return store satisfies never;
  }
}

function absolute(path: string, projectRoot: string): string {
  if (path.startsWith("~/")) return join(homedir(), path.slice(2));
  return isAbsolute(path) ? path : resolve(projectRoot, path);
}
