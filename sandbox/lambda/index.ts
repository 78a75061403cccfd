// Lambda's public cloud API, v1, as a vendor of this sandbox.
import type { InstanceEvent, SandboxCore, VendorApi, VendorInstance } from "../core.js";
import { installGateway } from "../http/gateway.js";
import { RateLimit } from "../http/rateLimit.js";
import { authenticate } from "./authorization.js";
import { accountInactive, envelope, invalidParameters, notFound } from "./errors.js";
import { LambdaFirewall } from "./firewall.js";
import { LambdaInstances } from "./instances.js";
import { addCatalogRoutes, addFirewallRoutes, addInstanceRoutes, addStorageRoutes, type LambdaParts } from "./routes.js";
import { emptyLambdaState } from "./state.js";
import { LambdaStorage } from "./storage.js";

export const lambdaPrefix = "/api/v1";

export function lambdaCloud(core: SandboxCore): VendorApi {
  const state = core.store.slice("lambda", emptyLambdaState);
  const parts: LambdaParts = {
    ...{ core, state },
    instances: new LambdaInstances(core, state),
    storage: new LambdaStorage(core, state),
    firewall: new LambdaFirewall(core, state),
  };
  // Documented: generally one request per second, launches one per twelve seconds.
  const general = new RateLimit(1_000);
  const launches = new RateLimit(12_000);

  return {
    name: "lambda",
    register: (app) => {
      void app.register(
        (scope, _options, done) => {
          installGateway(scope, core, {
            authenticate: (authorization) => authenticate(authorization, core.apiKey),
            admit: () => {
              if (core.knobs().account === "inactive") throw accountInactive();
            },
            limits: (method, path) => (method === "POST" && path.endsWith("/instance-operations/launch") ? [general, launches] : [general]),
            // Neither code nor text of a 429 is documented: clients have to go by the status.
            tooManyRequests: () => envelope("global/too-many-requests", "Too many requests."),
            serverError: () => envelope("global/internal-error", "An internal server error occurred.", "Try again later. Contact Support if the problem persists."),
            notFound: () => notFound().body as object,
            invalidBody: (detail) => invalidParameters(`Error in request body: ${detail}`).body as object,
          });
          addInstanceRoutes(scope, parts);
          addStorageRoutes(scope, parts);
          addFirewallRoutes(scope, parts);
          addCatalogRoutes(scope, parts);
          done();
        },
        { prefix: lambdaPrefix },
      );
    },
    tick: async () => {
      const moving = await parts.instances.tick();
      await parts.storage.tick();
      return moving;
    },
    instances: () => Object.values(state.instances).map(({ id, name, status }): VendorInstance => ({ id, name: name ?? "", status })),
    fileSystems: () => Object.values(state.fileSystems).map(({ id, name }) => ({ id, name })),
    befall: async (id: string, event: InstanceEvent) => {
      const instance = state.instances[id];
      if (!instance) return false;
      await parts.instances.befall(instance, event);
      return true;
    },
    sampleFileSystems: () => parts.storage.sampleAll(),
  };
}
