/** The demos' cloud: the embedded sandbox, asked without any of Holdfast's clients. */
import { readFileSync } from "node:fs";
import { UserError } from "../../custody/userError";
import { askAdmin, daemonStatus, ensureDaemon, resetSandbox } from "../../sandbox";
import type { MeterReport, RequestRecord, SandboxDescriptor } from "../../sandbox";

export interface VendorView {
  readonly instances: readonly { readonly id: string; readonly status: string; readonly name: string | null }[];
  readonly filesystems: readonly { readonly id: string; readonly name: string }[];
  readonly keys: readonly { readonly id: string; readonly name: string }[];
}

export class Vendor {
  constructor(readonly directory: string) {}

  async start(): Promise<SandboxDescriptor> {
    return ensureDaemon(this.directory);
  }

  /** Ends the sandbox and its instances, and forgets them. */
  async reset(): Promise<void> {
    await resetSandbox(this.directory);
  }

  /** What the vendor's own API lists; an instance on its way out does not stand. */
  async listed(): Promise<VendorView> {
    const { descriptor, meter } = await this.running();
    const list = async <T>(path: string): Promise<readonly T[]> => {
      const { data } = (await call(descriptor, "GET", path)) as { data: readonly T[] };
      // One after the other, at the vendor's pace of one request a second of its time.
      await new Promise((done) => setTimeout(done, 1100 / meter.timeScale));
      return data;
    };
    const instances = await list<VendorView["instances"][number]>("/instances");
    const filesystems = await list<VendorView["filesystems"][number]>("/file-systems");
    const keys = await list<VendorView["keys"][number]>("/ssh-keys");
    return { instances: instances.filter((instance) => !/terminat/.test(instance.status)), filesystems, keys };
  }

  /** A call that Holdfast knows nothing of, as somebody would make it in the vendor's console. */
  async post(path: string, body: unknown): Promise<void> {
    await call((await this.running()).descriptor, "POST", path, body);
  }

  async meter(): Promise<MeterReport> {
    return (await this.running()).meter;
  }

  /** The sandbox's side door: knobs, clock, paths of file systems (sandbox/README.md). */
  async admin<T>(method: "GET" | "PATCH", path: string, body?: unknown): Promise<T> {
    const answer = await askAdmin((await this.running()).descriptor, method, path, body);
    if (!answer.ok) throw new Error(`the sandbox answered ${answer.status} to ${method} ${path}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** Number of terminate and delete requests that ever reached the vendor. */
  async destructiveRequests(): Promise<number> {
    const log = await this.admin<readonly RequestRecord[]>("GET", "/requests");
    return log.filter((request) => request.method === "DELETE" || request.path.endsWith("/terminate")).length;
  }

  private async running(): Promise<Extract<Awaited<ReturnType<typeof daemonStatus>>, { running: true }>> {
    const status = await daemonStatus(this.directory);
    if (!status.running) throw new UserError("The demo's sandbox does not answer any more.", { code: "unreachable" });
    return status;
  }
}

/** Asked again while the vendor says that it is asked too often: every client's requests count together. */
async function call({ url, apiKeyFile }: SandboxDescriptor, method: string, path: string, body?: unknown): Promise<unknown> {
  const headers = { authorization: `Bearer ${readFileSync(apiKeyFile, "utf8").trim()}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (response.ok) return response.json();
    if (response.status !== 429 || attempt >= 20) throw new Error(`the sandbox answered ${response.status} to ${method} ${path}`);
    await new Promise((done) => setTimeout(done, 250));
  }
}

export const countOf = (view: VendorView): number => view.instances.length + view.filesystems.length + view.keys.length;

/** Ids, sorted: the same text is the same things. */
export const idsOf = (view: VendorView): string => [...view.instances, ...view.filesystems, ...view.keys].map(({ id }) => id).sort().join(", ") || "nothing";
