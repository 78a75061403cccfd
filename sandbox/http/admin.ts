// The sandbox's own side door: knobs, meter, log and accidents. Loopback only, and the API key as a token, so that a web page
// in a browser on this machine cannot use it.
import type { FastifyInstance, FastifyReply } from "fastify";
import { UserError } from "../../custody/userError.js";
import { instanceEvents, type InstanceEvent, type SandboxCore, type VendorApi } from "../core.js";
import { patchKnobs, type Knobs } from "../knobs.js";
import { reportMeter } from "../meter.js";

export const adminPrefix = "/_sandbox";

export function addAdminRoutes(app: FastifyInstance, core: SandboxCore, vendors: readonly VendorApi[], stop: (keepInstances: boolean) => void): void {
  void app.register(
    (scope, _options, done) => {
      scope.addHook("onRequest", (request, reply, next) => {
        if (request.headers["x-sandbox-token"] === core.apiKey) next();
        else void reply.code(401).send({ message: "The header x-sandbox-token must carry the content of the file named apiKeyFile in daemon.json." });
      });
      scope.setErrorHandler((error, _request, reply) => answerError(error, reply));

      scope.get("/knobs", () => core.knobs());
      scope.patch("/knobs", (request) => applyKnobs(core, request.body));
      scope.get("/clock", () => core.clock.since);
      scope.get("/meter", async () => {
        await Promise.all(vendors.map((vendor) => vendor.sampleFileSystems()));
        return reportMeter(core.store.state.meter, core.clock.now(), core.clock.scale);
      });
      scope.get("/requests", () => core.requests.all());
      scope.get("/instances", () => vendors.flatMap((vendor) => vendor.instances().map((instance) => ({ vendor: vendor.name, ...instance, ...machineOf(core, instance.id) }))));
      scope.get("/filesystems", () =>
        vendors.flatMap((vendor) => vendor.fileSystems().map((one) => ({ vendor: vendor.name, ...one, path: core.layout.fileSystem(one.id) }))),
      );
      scope.post<{ Params: { id: string; event: string } }>("/instances/:id/:event", async (request, reply) => {
        const { id, event } = request.params;
        if (!isInstanceEvent(event)) return reply.code(404).send({ message: `Known events: ${instanceEvents.join(", ")}.` });
        for (const vendor of vendors) if (await vendor.befall(id, event)) return { id, event };
        return reply.code(404).send({ message: `There is no instance ${id}.` });
      });
      scope.post<{ Body: { keepInstances?: unknown } | null }>("/stop", (request, reply) => {
        reply.raw.once("close", () => { stop(request.body?.keepInstances === true); });
        return { stopping: true };
      });
      done();
    },
    { prefix: adminPrefix },
  );
}

/** Merges, validates, persists. Throws UserError; nothing is changed then. */
export function applyKnobs(core: SandboxCore, patch: unknown): Knobs {
  const { state } = core.store;
  const next = patchKnobs(state.knobs, patch);
  if (typeof patch === "object" && patch !== null && "capacity" in patch) state.capacitySinceMs = core.clock.now();
  state.knobs = next;
  core.clock.setScale(next.timeScale);
  core.store.save();
  core.kick();
  return next;
}

function machineOf(core: SandboxCore, id: string): object {
  const machine = core.store.state.machines[id];
  if (!machine) return {};
  return {
    ...{ address: machine.address, sshPort: core.store.state.sshPort, alive: core.host.isAlive(id), pid: machine.running?.outer.pid ?? null, initPid: machine.running?.init.pid ?? null },
    disk: core.layout.instance(id).disk,
    console: core.layout.instance(id).console,
    mounts: machine.mounts.map((mount) => ({ ...mount, path: core.layout.fileSystem(mount.fileSystemId) })),
  };
}

function isInstanceEvent(text: string): text is InstanceEvent {
  return (instanceEvents as readonly string[]).includes(text);
}

function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  const status = (error as { statusCode?: number }).statusCode;
  if (error instanceof UserError) return reply.code(400).send({ code: error.code, message: error.message, next: error.next });
  return reply.code(status ?? 500).send({ message: error instanceof Error ? error.message : String(error) });
}
