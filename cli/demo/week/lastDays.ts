/** Thursday to Sunday: a drought, a night that nobody watches, a colleague who takes over, a run that was forgotten, the end of it all. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PassReport } from "../../keeper/pass";
import { formatUsd } from "../../render/units";
import { expect, tail } from "../expect";
import { until } from "../until";
import { countOf, idsOf } from "../vendor";
import type { Checkout } from "./checkout";
import { installPackages } from "./project";
import { Tier } from "./tier";
import { at, speeds } from "./time";
import type { Day, WeekWorld } from "./week";
import { cellIs, commit, machineOf, pass, passToTheEnd, quietly, typed } from "./week";

const essentials = /deleted|Gate open|Billing audit|stays/;

export const thursday: Day = async (week) => {
  const { narrator, you, vendor, time } = week;
  narrator.heading("Thursday: no capacity, and a night that nobody watches");
  await pass(week, at(3, 9));
  narrator.say("A third run is wanted. Its type has been sold out since yesterday.");
  await typed(week, you, "pulumi up --stack probe", { show: /No capacity|Waiting/ });
  const waits = await vendor.listed();
  expect("thursday", "no third instance", waits.instances.length === 2, idsOf(waits));
  await typed(week, you, "holdfast ls", { show: /^run|probe|wait|^-/ });
  narrator.good(`${time.label}: the update has ended, nothing is locked, nothing of it bills; the run waits.`);

  await pass(week, at(3, 16));
  await vendor.admin("PATCH", "/knobs", { capacity: null });
  narrator.say(`${time.label}: there are machines again. keeper.restart is true in this stack's config, so the keeper may go on with it.`);
  await typed(week, you, "holdfast keeper probe --once");
  const tier = await Tier.of(vendor);
  await cellIs(week, tier, "probe", "quick", "training", (cell) => cell.state !== "pending");

  await pass(week, at(3, 18));
  narrator.say("night will be complete before midnight. You agree to its end beforehand, and leave the keeper running:");
  const machine = machineOf(you, "night");
  await typed(week, you, `holdfast approve night --standing --confirm ${machine}`, { show: /Signed|standing|artifacts|holds|until/i });
  narrator.command("holdfast keeper night --every 10s &", you.person.name);
  const keeper = you.type("holdfast keeper night --every 10s");
  await passToTheEnd(week, "night");
  const night = await narrator.during(`${time.label}: nobody is there`, keeper);
  expect("thursday", "exit code 0 of the keeper", night.exitCode === 0, tail(night.output));
  narrator.output(night.stdout.trimEnd());
  const left = await vendor.listed();
  expect("thursday", "two instances", left.instances.length === 2, idsOf(left));
  await time.speed(speeds.work);
  narrator.good(`${time.label}: pulled, proven and destroyed within the standing approval; the file system stays for the others.`);
};

export const friday: Day = async (week) => {
  const { narrator, you, colleague, vendor, time } = week;
  narrator.heading("Friday: a colleague takes over");
  await pass(week, at(4, 9));
  await quietly(week, you, "holdfast keeper probe --once");
  narrator.say("You are away. A colleague has a new laptop: an empty home, no custody, and an SSH key that access.authorizedKeys names.");
  narrator.command("git clone you:week && cd week && npm ci", colleague.person.name);
  await colleague.cloneOf(you);
  installPackages(colleague.directory);
  narrator.command("holdfast trust export --name colleague > colleague.yaml", colleague.person.name);
  writeFileSync(join(week.directory, "colleague.yaml"), await quietly(week, colleague, "holdfast trust export --name colleague"));
  narrator.say("Sent to you, reviewed and committed like code:");
  await typed(week, you, "holdfast trust add ../../colleague.yaml --role pull approve", { show: /colleague|may/ });
  await commit(week, "A colleague may pull and approve");
  await typed(week, colleague, "git pull -q");
  await typed(week, colleague, `holdfast recover sweep/sweep --key ${week.sshKeyFile}`, { show: /Recovered|reach the machine/ });
  await typed(week, colleague, "holdfast status sweep", { show: /^cell |^-+ |complete|running|kept|writer/ });
  narrator.say("It still trains. Is it possible to end it by mistake?");
  const before = idsOf(await vendor.listed());
  await typed(week, colleague, "pulumi destroy --stack sweep", { exits: "refused", show: /Refused|^ {2}- / });
  expect("friday", "everything to stand as before", idsOf(await vendor.listed()) === before, idsOf(await vendor.listed()));

  await passToTheEnd(week, "sweep");
  await done(week, colleague, "sweep");
  narrator.say(`${time.label}: the last cell is complete. The colleague ends it at once:`);
  await typed(week, colleague, "holdfast pull sweep", { show: /^cell |^-+ |complete|kept|Receipt/ });
  await typed(week, colleague, `holdfast approve sweep --confirm ${machineOf(colleague, "sweep")}`, { show: /Signed|bills afterwards/ });
  await typed(week, colleague, "pulumi destroy --stack sweep", { show: essentials });
  await time.speed(speeds.work);
  const left = await vendor.listed();
  expect("friday", "one instance and the file system", left.instances.length === 1 && left.filesystems.length === 1, idsOf(left));
  narrator.good(`${time.label}: ended by somebody who had nothing of it this morning, under the same rules.`);
};

/** What the keeper said of the forgotten run, and what the vendor's meter said at that moment. */
export interface Told {
  readonly usdSoFar: number;
  readonly usdOfWait: number;
  readonly hours: number;
  readonly meterUsd: number;
}

export async function weekend(week: WeekWorld): Promise<Told> {
  const { narrator, you, vendor, time } = week;
  narrator.heading("The weekend: a run that was forgotten");
  narrator.say("probe has a lease of 24 hours (budget.maxHours). It trains on; nobody thinks of it. The keeper looks, and nobody reads:");
  await pass(week, at(5, 9));
  await keeperSays(week, you);
  await pass(week, at(6, 17));
  narrator.say("Sunday evening, somebody reads what it said:");
  const told = await keeperSays(week, you);
  const machine = machineOf(you, "probe");
  const metered = (await vendor.meter()).resources.find(({ name }) => name === machine);
  await time.speed(speeds.close);
  await typed(week, you, "holdfast cancel probe", { show: /nothing runs/ });
  await typed(week, you, "holdfast pull probe", { show: /^cell |^-+ |complete|cancel|failed|Receipt/ });
  await typed(week, you, `holdfast approve probe --partial endless --reason 'forgotten, and not wanted' --confirm ${machine}`, { show: /Signed|given up|bills afterwards/ });
  await typed(week, you, "pulumi destroy --stack probe", { show: essentials });
  await time.speed(speeds.work);
  narrator.good(`${time.label}: cancelled at a checkpoint, pulled, given up by name, destroyed.`);
  return { ...told, meterUsd: metered?.usd ?? 0 };
}

export const teardown: Day = async (week) => {
  const { narrator, you, vendor, time } = week;
  narrator.heading("Sunday: the end of everything");
  await pass(week, at(6, 20));
  narrator.say("Only the storage is left. Others may keep data on it, so it does not go unseen:");
  await typed(week, you, "pulumi destroy --stack storage", { exits: "refused", show: /Refused|^ {2}- |next/ });
  await typed(week, you, "holdfast rescue storage/data --confirm data");
  await typed(week, you, "holdfast approve storage/data --confirm data", { show: /week\/|Signed|bills afterwards/ });
  week.lastLook(await Tier.of(vendor));
  await typed(week, you, "pulumi destroy --stack storage", { show: essentials });
  const left = await vendor.listed();
  expect("sunday", "nothing at the vendor", countOf(left) === 0, idsOf(left));
  await typed(week, you, "holdfast audit");
  narrator.say("(The audit goes by this computer's clock, on which the week takes minutes. The figures below are in the week's time.)");
  narrator.good(`${time.label}: asked at the vendor itself: no instance, no file system, no key.`);
};

/** One pass of the keeper on a computer whose clock shows the week's time, as counted from the moment the run's lease began. */
async function keeperSays(week: WeekWorld, who: Checkout): Promise<Omit<Told, "meterUsd">> {
  const { narrator, time } = week;
  const begun = Date.parse(who.custody("probe").entries().find(({ kind }) => kind === "lease.granted")?.at ?? "");
  const now = new Date(begun + time.vendorAt(Date.now()) - time.vendorAt(begun));
  narrator.command("holdfast keeper probe --once", who.person.name);
  const said = await who.typeAt(now, ["keeper", "probe", "--once", "--json"]);
  expect("forgotten", "exit code 3: a person is needed", said.exitCode === 3, tail(said.output));
  const [report] = (JSON.parse(said.stdout) as { runs: PassReport[] }).runs;
  const event = report?.events.find(({ kind }) => kind === "end.waiting");
  const usdSoFar = report?.usdSoFar ?? null;
  expect("forgotten", "what the wait has cost", event !== undefined && usdSoFar !== null, said.stdout);
  narrator.output(`${event.title}\n${event.message}`);
  const { hours, usdOfWait } = event.data as { hours: number; usdOfWait: number };
  narrator.say(`(In all it has cost ${formatUsd(usdSoFar)}, said the keeper.)`);
  return { usdSoFar, hours, usdOfWait };
}

/** Of what `holdfast status --json` prints. */
interface Ending {
  readonly writer?: string;
  readonly closed?: object | null;
}

/** Waits until every cell has ended and nothing of the run writes any more, as `holdfast status` sees it. */
async function done(week: WeekWorld, who: Checkout, run: string): Promise<void> {
  const look = async (): Promise<Ending> => JSON.parse(await quietly(week, who, `holdfast status ${run} --json`)) as Ending;
  await until(
    { step: run, what: "a closed queue", seconds: 60, signal: week.signal, everyMilliseconds: 200, look, describe: (seen) => `writer ${seen.writer ?? "unknown"}` },
    ({ writer, closed }) => Boolean(closed) && writer === "none",
  );
}
