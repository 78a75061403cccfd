/** Enough of Lambda's API in memory to run the kinds against, with the faults that matter. Time is the test's clock. */
import { randomBytes } from "node:crypto";
import type { Transport, WireRequest, WireResponse } from "../../../../providers/http";
import { HttpFailure } from "../../../../providers/http";
import type { TestClock } from "./clock";

export interface FakeInstance {
  id: string;
  name: string;
  status: string;
  ip: string | null;
  type: string;
  region: string;
  sshKey: string;
  filesystem: string;
  tags: { key: string; value: string }[];
  launchedAt: number;
  terminatedAt: number | null;
}

export interface FakeFilesystem {
  id: string;
  name: string;
  region: string;
  bytes: number | null;
}

/** An answer instead of the ordinary one; `commit` lets the request take effect first. */
export interface Fault {
  readonly match: string;
  readonly commit?: boolean;
  readonly answer: { status: number; body: string } | HttpFailure;
}

const types: Record<string, { gpu: string; cents: number; specs: Record<string, number> }> = {
  gpu_1x_a10: { gpu: "A10 (24 GB PCIe)", cents: 129, specs: { gpus: 1, vcpus: 30, memory_gib: 200, storage_gib: 1400 } },
  gpu_1x_a100: { gpu: "A100 (40 GB PCIe)", cents: 199, specs: { gpus: 1, vcpus: 30, memory_gib: 200, storage_gib: 512 } },
  gpu_1x_gh200: { gpu: "GH200 (96 GB)", cents: 229, specs: { gpus: 1, vcpus: 64, memory_gib: 432, storage_gib: 4096 } },
  cpu_4x_general: { gpu: "N/A", cents: 20, specs: { gpus: 0, vcpus: 4, memory_gib: 16, storage_gib: 100 } },
};

const hex = (): string => randomBytes(16).toString("hex");

export class FakeLambda {
  readonly instances: FakeInstance[] = [];
  readonly filesystems: FakeFilesystem[] = [];
  readonly sshKeys: { id: string; name: string; public_key: string }[] = [];
  readonly rulesets: { id: string; name: string; region: string; rules: unknown[] }[] = [];
  /** By type: regions that list capacity. */
  readonly capacity: Record<string, string[]> = { gpu_1x_a10: ["us-east-1"], gpu_1x_a100: ["us-east-1", "us-west-1"], cpu_4x_general: ["us-east-1"] };
  /** Types whose launch is refused although listed. */
  readonly refuse = new Set<string>();
  /** Used in order, each once. */
  readonly faults: Fault[] = [];
  readonly requests: { method: string; path: string; body: Record<string, unknown> | null }[] = [];
  bootSeconds = 150;
  terminateSeconds = 20;
  /** What the next launches become instead of `active`. */
  readonly bootsAs: string[] = [];
  onLaunch: (() => void) | null = null;
  /** How many instances one launch makes. */
  launchMakes = 1;

  constructor(private readonly clock: TestClock) {}

  get launches(): number {
    return this.requests.filter(({ path }) => path === "/instance-operations/launch").length;
  }

  get billing(): FakeInstance[] {
    this.settle();
    return this.instances.filter((instance) => instance.status !== "terminated");
  }

  readonly transport: Transport = (request) => {
    const path = new URL(request.url).pathname.replace("/api/v1", "");
    const body = request.body === undefined ? null : (JSON.parse(request.body) as Record<string, unknown>);
    this.requests.push({ method: request.method, path, body });
    const index = this.faults.findIndex(({ match }) => `${request.method} ${path}`.startsWith(match));
    if (index >= 0) {
      const [fault] = this.faults.splice(index, 1);
      if (fault?.commit === true) this.answer(request, path, body);
      if (fault?.answer instanceof HttpFailure) return Promise.reject(fault.answer);
      if (fault) return Promise.resolve({ headers: {}, ...fault.answer });
    }
    return Promise.resolve(this.answer(request, path, body));
  };

  private answer(request: WireRequest, path: string, body: Record<string, unknown> | null): WireResponse {
    this.settle();
    const [, collection = "", id = ""] = path.split("/");
    switch (`${request.method} /${collection}${id === "" ? "" : collection === "instance-operations" ? `/${id}` : "/:id"}`) {
      case "GET /instance-types":
        return ok(Object.fromEntries(Object.keys(types).map((name) => [name, { instance_type: typeRecord(name), regions_with_capacity_available: (this.capacity[name] ?? []).map(region) }])));
      case "GET /instances":
        return ok(this.billing.map(record));
      case "GET /instances/:id": {
        const found = this.instances.find((instance) => instance.id === id);
        return found === undefined || (found.status === "terminated" && this.age(found.terminatedAt) > 60) ? refuse(404, "global/object-does-not-exist") : ok(record(found));
      }
      case "POST /instances/:id": {
        const found = this.instances.find((instance) => instance.id === id);
        if (found === undefined) return refuse(404, "global/object-does-not-exist");
        found.name = String(body?.["name"]);
        return ok(record(found));
      }
      case "POST /instance-operations/launch":
        return this.launch(body ?? {});
      case "POST /instance-operations/terminate": {
        const found = this.instances.find((instance) => (body?.["instance_ids"] as string[]).includes(instance.id));
        if (found === undefined) return refuse(404, "global/object-does-not-exist");
        if (found.terminatedAt === null) {
          found.status = "terminating";
          found.terminatedAt = this.clock.now().getTime();
        }
        return ok({ terminated_instances: [record(found)] });
      }
      case "GET /ssh-keys":
        return ok(this.sshKeys);
      case "POST /ssh-keys": {
        const key = { id: hex(), name: String(body?.["name"]), public_key: String(body?.["public_key"]).replace(/ \S+$/, " renamed-comment") };
        this.sshKeys.push(key);
        return ok(key);
      }
      case "DELETE /ssh-keys/:id":
        if (this.billing.some((instance) => instance.sshKey === this.sshKeys.find((key) => key.id === id)?.name)) return refuse(400, "global/invalid-parameters", "Key is currently in use, cannot delete");
        remove(this.sshKeys, id);
        return { status: 200, headers: {}, body: "" };
      case "GET /file-systems":
        return ok(this.filesystems.map((filesystem) => this.filesystemRecord(filesystem)));
      case "POST /filesystems": {
        const filesystem = { id: hex(), name: String(body?.["name"]), region: String(body?.["region"]), bytes: 0 };
        this.filesystems.push(filesystem);
        return ok(this.filesystemRecord(filesystem));
      }
      case "DELETE /filesystems/:id":
        if (this.billing.some((instance) => instance.filesystem === id)) return refuse(400, "filesystems/filesystem-in-use");
        remove(this.filesystems, id);
        return ok({ deleted_ids: [id] });
      case "GET /firewall-rulesets":
        return ok(this.rulesets.map((ruleset) => ({ ...ruleset, region: region(ruleset.region), created: "2026-01-05T00:00:00Z", instance_ids: [] })));
      case "POST /firewall-rulesets": {
        const ruleset = { id: hex(), name: String(body?.["name"]), region: String(body?.["region"]), rules: body?.["rules"] as unknown[] };
        this.rulesets.push(ruleset);
        return ok({ ...ruleset, region: region(ruleset.region) });
      }
      case "PATCH /firewall-rulesets/:id": {
        const found = this.rulesets.find((ruleset) => ruleset.id === id);
        if (found === undefined) return refuse(404, "global/object-does-not-exist");
        found.rules = body?.["rules"] as unknown[];
        return ok({ ...found, region: region(found.region) });
      }
      case "DELETE /firewall-rulesets/:id":
        remove(this.rulesets, id);
        return ok({});
      default:
        return refuse(404, "global/not-found");
    }
  }

  private launch(body: Record<string, unknown>): WireResponse {
    const type = String(body["instance_type_name"]);
    if (this.refuse.has(type)) return refuse(400, "instance-operations/launch/insufficient-capacity");
    const [mount] = body["file_system_mounts"] as { file_system_id: string }[];
    const made = Array.from({ length: this.launchMakes }, (): FakeInstance => ({
      id: hex(),
      name: String(body["name"]),
      status: "booting",
      ip: null,
      type,
      region: String(body["region_name"]),
      sshKey: (body["ssh_key_names"] as string[])[0] ?? "",
      filesystem: mount?.file_system_id ?? "",
      tags: body["tags"] as { key: string; value: string }[],
      launchedAt: this.clock.now().getTime(),
      terminatedAt: null,
    }));
    this.instances.push(...made);
    this.onLaunch?.();
    return ok({ instance_ids: made.map(({ id }) => id) });
  }

  /** What time has made of the instances. */
  private settle(): void {
    for (const instance of this.instances) {
      if (instance.terminatedAt !== null) {
        if (this.age(instance.terminatedAt) >= this.terminateSeconds) instance.status = "terminated";
      } else if (instance.status === "booting") {
        if (this.age(instance.launchedAt) >= 40) instance.ip = "192.0.2.7";
        if (this.age(instance.launchedAt) >= this.bootSeconds) instance.status = this.bootsAs.shift() ?? "active";
      }
    }
  }

  private age(since: number | null): number {
    return since === null ? 0 : (this.clock.now().getTime() - since) / 1000;
  }

  private filesystemRecord(filesystem: FakeFilesystem): unknown {
    return { id: filesystem.id, name: filesystem.name, mount_point: `/lambda/nfs/${filesystem.name}`, region: region(filesystem.region), is_in_use: this.billing.some((instance) => instance.filesystem === filesystem.id), created: "2026-01-05T00:00:00Z", ...(filesystem.bytes === null ? {} : { bytes_used: filesystem.bytes }) };
  }
}

const region = (name: string): { name: string; description: string } => ({ name, description: "Somewhere" });

const typeRecord = (name: string): unknown => ({ name, description: name, gpu_description: types[name]?.gpu, price_cents_per_hour: types[name]?.cents, specs: types[name]?.specs });

const record = (instance: FakeInstance): unknown => ({
  id: instance.id,
  name: instance.name,
  status: instance.status,
  ...(instance.ip === null ? {} : { ip: instance.ip }),
  ssh_key_names: [instance.sshKey],
  file_system_names: [],
  file_system_mounts: [{ mount_point: "/lambda/nfs/x", file_system_id: instance.filesystem }],
  region: region(instance.region),
  instance_type: typeRecord(instance.type),
  actions: {},
  tags: instance.tags,
  jupyter_token: "token-that-must-not-be-kept",
  jupyter_url: "https://jupyter.example.com/?token=token-that-must-not-be-kept",
  a_field_of_next_year: { anything: 1 },
});

const ok = (data: unknown): WireResponse => ({ status: 200, headers: {}, body: JSON.stringify({ data }) });

export const refuse = (status: number, code: string, message = "No."): WireResponse => ({ status, headers: {}, body: JSON.stringify({ error: { code, message } }) });

function remove(list: { id: string }[], id: string): void {
  const index = list.findIndex((item) => item.id === id);
  if (index >= 0) list.splice(index, 1);
}
