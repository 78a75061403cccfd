// The routes of the contract document that On-Demand Cloud serves (fabric and tickets are out of scope and answer 404).
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { SandboxCore } from "../core.js";
import { loseReply } from "../http/gateway.js";
import { spend } from "../knobs.js";
import { pageOfAuditEvents, type AuditQuery } from "./audit.js";
import { regionsWithCapacity } from "./capacity.js";
import { images } from "./catalog/images.js";
import { instanceTypes } from "./catalog/instanceTypes.js";
import { regions } from "./catalog/regions.js";
import { instanceNotFound, invalidAddress } from "./errors.js";
import type { LambdaFirewall } from "./firewall.js";
import type { LambdaInstances } from "./instances.js";
import * as render from "./render.js";
import * as body from "./requests.js";
import type { LambdaState } from "./state.js";
import type { LambdaStorage } from "./storage.js";

export interface LambdaParts {
  readonly core: SandboxCore;
  readonly state: LambdaState;
  readonly instances: LambdaInstances;
  readonly storage: LambdaStorage;
  readonly firewall: LambdaFirewall;
}

export function addInstanceRoutes(app: FastifyInstance, { core, instances }: LambdaParts): void {
  const show = (instance: Parameters<typeof render.renderInstance>[0]): object => render.renderInstance(instance, core.clock.now(), core.knobs());

  // No clusters are sold here, so asking for one finds nothing.
  app.get<{ Querystring: { cluster_id?: string } }>("/instances", (request) => ({
    data: request.query.cluster_id === undefined ? instances.listed().map(show) : [],
  }));
  app.get("/instances/:id", (request) => {
    const instance = instances.find(idOf(request));
    if (spend(core.knobs(), "notFoundOnce")) throw instanceNotFound();
    return { data: show(instance) };
  });
  app.post("/instances/:id", (request) => {
    const instance = instances.find(idOf(request));
    const { name } = body.parseBody(body.renameBody, request.body);
    if (name !== undefined) instance.name = name;
    core.store.save();
    return { data: show(instance) };
  });
  app.post("/instance-operations/launch", async (request, reply) => {
    const wanted = body.parseBody(body.launchBody, request.body);
    refuseInvalidAddress(core);
    const id = instances.launch(wanted);
    await core.clock.sleep(core.knobs().launchReplySeconds);
    const { loseLaunchReply } = core.knobs();
    if (loseLaunchReply.count > 0) {
      loseLaunchReply.count -= 1;
      loseReply(core, request, reply, loseLaunchReply.how);
      return reply;
    }
    return { data: { instance_ids: [id] } };
  });
  app.post("/instance-operations/restart", async (request) => {
    const named = instances.findAll(body.parseBody(body.instanceIdsBody, request.body).instance_ids);
    await instances.restart(named);
    return { data: { restarted_instances: named.map(show) } };
  });
  app.post("/instance-operations/terminate", (request) => {
    const named = instances.findAll(body.parseBody(body.instanceIdsBody, request.body).instance_ids);
    instances.terminate(named);
    return { data: { terminated_instances: named.map(show) } };
  });
}

export function addStorageRoutes(app: FastifyInstance, { core, state, storage }: LambdaParts): void {
  const list = async (): Promise<object> => {
    await storage.countBytes();
    return { data: Object.values(state.fileSystems).map((one) => render.renderFileSystem(one, state)) };
  };
  app.get("/file-systems", list);
  // The documented list has a hyphen, create and delete have none; a later copy of the document lists without it too.
  app.get("/filesystems", list);
  app.post("/filesystems", (request) => {
    const { name, region } = body.parseBody(body.fileSystemBody, request.body);
    refuseInvalidAddress(core);
    return { data: render.renderFileSystem(storage.createFileSystem(name, region), state) };
  });
  app.delete("/filesystems/:id", async (request) => {
    const id = idOf(request);
    await storage.deleteFileSystem(id);
    return { data: { deleted_ids: [id] } };
  });
  app.get("/ssh-keys", () => ({ data: Object.values(state.sshKeys).map(render.renderSshKey) }));
  app.post("/ssh-keys", async (request) => {
    const wanted = body.parseBody(body.sshKeyBody, request.body);
    const { privateKey, ...key } = await storage.addKey(wanted.name, wanted.public_key);
    return { data: { ...render.renderSshKey(key), ...(privateKey === undefined ? {} : { private_key: privateKey }) } };
  });
  app.delete("/ssh-keys/:id", (request) => {
    storage.deleteKey(idOf(request));
    return { data: {} };
  });
}

export function addFirewallRoutes(app: FastifyInstance, { state, firewall }: LambdaParts): void {
  const globalRuleset = (): object => ({ data: { id: "global", name: "Global Firewall Rules", rules: state.globalRules } });
  app.get("/firewall-rules", () => ({ data: state.globalRules }));
  app.put("/firewall-rules", (request) => {
    firewall.replaceGlobal(body.parseBody(body.firewallRulesBody, request.body).data);
    return { data: state.globalRules };
  });
  app.get("/firewall-rulesets", () => ({ data: Object.values(state.rulesets).map((one) => render.renderRuleset(one, state)) }));
  app.post("/firewall-rulesets", (request) => {
    const { name, region, rules } = body.parseBody(body.rulesetBody, request.body);
    return { data: render.renderRuleset(firewall.create(name, region, rules), state) };
  });
  app.get("/firewall-rulesets/global", globalRuleset);
  app.patch("/firewall-rulesets/global", (request) => {
    const { rules } = body.parseBody(body.globalRulesetPatchBody, request.body);
    if (rules !== undefined) firewall.replaceGlobal(rules);
    return globalRuleset();
  });
  app.get("/firewall-rulesets/:id", (request) => ({ data: render.renderRuleset(firewall.find(idOf(request)), state) }));
  app.patch("/firewall-rulesets/:id", (request) => {
    const id = idOf(request);
    return { data: render.renderRuleset(firewall.update(id, body.parseBody(body.rulesetPatchBody, request.body)), state) };
  });
  app.delete("/firewall-rulesets/:id", (request) => {
    firewall.delete(idOf(request));
    return { data: {} };
  });
}

export function addCatalogRoutes(app: FastifyInstance, { core, state }: LambdaParts): void {
  app.get("/instance-types", () => {
    const knobs = core.knobs();
    const sinceSeconds = (core.clock.now() - core.store.state.capacitySinceMs) / 1000;
    const items = instanceTypes.map((row) => [
      row.type.name,
      {
        instance_type: render.renderInstanceType(row.type, row.architecture, knobs),
        regions_with_capacity_available: regionsWithCapacity(row, knobs, sinceSeconds),
      },
    ]);
    return { data: Object.fromEntries(items) as object };
  });
  app.get("/images", () => ({ data: images }));
  app.get("/regions", () => ({ data: regions }));
  app.get<{ Querystring: AuditQuery }>("/audit-events", (request) => pageOfAuditEvents(state.auditEvents, request.query));
}

function refuseInvalidAddress(core: SandboxCore): void {
  if (core.knobs().account === "invalid-address") throw invalidAddress();
}

function idOf(request: FastifyRequest): string {
  return body.parseId((request.params as { id: string }).id, "request path at 'id'");
}
