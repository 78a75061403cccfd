/** What the engine's commands cost for one run whose vendor never waits, against a bare program with as many dynamic resources. */
import { execa } from "execa";
import { join } from "node:path";
import { providerLiteral } from "../../providers/dynamic";
import { packageRoot, ScratchStack } from "../engine/stack";
import { ended, Life, refused } from "./life";
import { inTurn, median } from "./measure";
import type { Row, Scale } from "./table";

/** Seconds by step, of several lives. */
class Times {
  readonly #seconds = new Map<string, number[]>();

  add(step: string, taken: number): void {
    this.#seconds.set(step, [...(this.#seconds.get(step) ?? []), taken]);
  }

  of(step: string): number {
    return median(this.#seconds.get(step) ?? []);
  }
}

export async function benchEngine({ rounds }: Scale): Promise<Row[]> {
  const [ours, bare] = [new Times(), new Times()];
  let facts: Facts | undefined;
  for (let round = 0; round < rounds; round += 1) {
    facts = await liveOnce(ours);
    await liveBare(bare, facts.dynamic);
  }
  if (facts === undefined) throw new Error("no round was asked for");
  const against = (step: string): Row => ({ name: `${step}, against the bare program`, value: ours.of(step) / bare.of(step), unit: "x", goal: "<= 1.3" });
  const time = (step: string, goal: string | null = null): Row => ({ name: step, value: ours.of(step), unit: "s", goal });
  return [
    ...(await benchLoad(rounds)),
    ...["preview", "up", "no-op up"].flatMap((step) => [time(step), against(step)]),
    time("refused destroy", "< 3"),
    time("destroy"), against("destroy"),
    { name: "own resources of a run, of which two are components", value: facts.resources, unit: "", goal: null },
    { name: "state per own resource", value: facts.stateBytes / facts.resources, unit: "B", goal: "< 2500" },
    { name: "provider text in state", value: providerLiteral("LambdaFirewallRuleset").length, unit: "B", goal: "< 200" },
    { name: "API calls of the whole life", value: facts.calls, unit: "", goal: null },
    { name: "ledger lines of the whole life", value: facts.ledgerLines, unit: "", goal: null },
  ];
}

/** The program's own share of every command: loading the library, against loading the SDK alone. */
async function benchLoad(rounds: number): Promise<Row[]> {
  const load = async (module: string): Promise<void> => {
    await execa(process.execPath, ["-e", `require(${JSON.stringify(module)})`], { cwd: packageRoot });
  };
  const { ours = [], sdk = [] } = await inTurn(rounds, { ours: () => load(join(packageRoot, "dist", "components", "index.js")), sdk: () => load("@pulumi/pulumi") });
  return [
    { name: "program load", value: median(ours), unit: "s", goal: null },
    { name: "program load, against the SDK alone", value: median(ours) / median(sdk), unit: "x", goal: null },
  ];
}

interface Facts {
  readonly resources: number;
  /** Those of them that a provider keeps. */
  readonly dynamic: number;
  readonly stateBytes: number;
  readonly calls: number;
  readonly ledgerLines: number;
}

async function liveOnce(times: Times): Promise<Facts> {
  const life = await Life.begin(2);
  const { scratch } = life;
  try {
    times.add("preview", await life.time(() => scratch.pulumi("preview", "--stack", scratch.stack)));
    times.add("up", await life.time(() => scratch.up()));
    await life.rosterEnds();
    times.add("no-op up", await life.time(() => scratch.up()));
    times.add("refused destroy", await life.time(() => scratch.destroy(), refused));
    const { own, dynamic } = await life.state();
    await life.time(() => scratch.holdfast("pull"));
    await life.approve("quick");
    times.add("destroy", await life.time(() => scratch.destroy(), ended));
    const requests = await scratch.sandbox<unknown[]>("/requests");
    return { resources: own.length, dynamic, stateBytes: own.reduce((sum, bytes) => sum + bytes, 0), calls: requests.length, ledgerLines: life.ledger("quick").lines };
  } finally {
    await life.end();
  }
}

/** Resources of the SDK that do nothing, each after the one before, as ours are. */
async function liveBare(times: Times, resources: number): Promise<void> {
  const scratch = await ScratchStack.create({
    program: `const pulumi = require("@pulumi/pulumi");
const provider = { create: async (inputs) => ({ id: "1", outs: inputs }), update: async (id, olds, news) => ({ outs: news }), delete: async () => {} };
class Bare extends pulumi.dynamic.Resource { constructor(name, props, options) { super(provider, name, props, options); } }
let last;
for (let index = 0; index < ${resources}; index += 1) last = new Bare("bare-" + index, { name: "bare-" + index, text: "x".repeat(800) }, last ? { dependsOn: [last] } : {});
`,
  });
  const time = async (step: string, command: () => ReturnType<ScratchStack["pulumi"]>): Promise<void> => {
    const start = process.hrtime.bigint();
    const { exitCode, output } = await command();
    if (exitCode !== 0) throw new Error(output);
    times.add(step, Number(process.hrtime.bigint() - start) / 1e9);
  };
  try {
    await time("preview", () => scratch.pulumi("preview", "--stack", scratch.stack));
    await time("up", () => scratch.up());
    await time("no-op up", () => scratch.up());
    await time("destroy", () => scratch.destroy());
  } finally {
    await scratch.close();
  }
}
