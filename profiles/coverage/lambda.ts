/** What is done about LAM1 to LAM13. */
import { documented, imagesTorch, plan, preflight, provider, script, type CoverageTable } from "./cover";

const TRIGGERS = "profiles/planning/triggers.ts";
const WARNED = "unit/profiles/resolve.test.ts: known mistakes are warned about before money is spent";

export const lambdaCoverage: CoverageTable = {
  LAM1: [
    plan("profiles/planning/contradictions.ts", "a teardown verb that erases the tier of the checkpoints is refused", "unit/profiles/resolve.property.test.ts: a checkpoint directory is never on a tier that the teardown verb destroys"),
    preflight("mount", "a run directory outside of the mount refuses the start", "storage that is absent, or beside the run, is refused"),
    provider("providers/gate/gate.ts", "nothing is deleted before the artifacts are pulled, proven to load and approved", "engine/lifecycle.test.ts: a run cannot be destroyed before its artifacts are pulled, proven and approved, and then nothing bills"),
    provider("providers/lambda/instance/terminate.ts", "terminate asks for a grant that names the lost tier", "unit/lambda/instance.test.ts: a delete that is refused terminates nothing"),
  ],
  LAM2: [
    plan("profiles/planning/contradictions.ts", "candidates in another region than the storage are refused", "unit/profiles/resolve.test.ts: an instance is never planned in another region than its file system"),
    provider("providers/lambda/capacity.ts", "the file system's region filters what is launched", "unit/lambda/capacity.test.ts: nothing is chosen outside the file system's region; what there is elsewhere is told"),
    preflight("mount", "a folder where a mount should be refuses the start", "a mount point that is only a folder of the own disk is refused"),
  ],
  LAM3: [
    plan(TRIGGERS, "a setup or command that powers the machine off is warned about", WARNED),
    provider("providers/lambda/instance/terminate.ts", "the end is terminate through the API, watched until the instance is gone", "unit/lambda/instance.test.ts: a delete returns only when the instance is gone, however slowly it goes, and names what was allowed"),
    provider("providers/lambda/billables.ts", "whatever is not terminated is listed with its price", "unit/lambda/billing.test.ts: instances in every state but terminated bill, and file systems bill for what they hold"),
  ],
  LAM4: [provider("providers/lambda/kinds/firewallRuleset.ts", "rules are edited in place; a ruleset comes and goes with the launch", "unit/lambda/firewallRuleset.test.ts: changed rules are edited in place: a replaced ruleset would replace the instance")],
  LAM5: [provider("providers/lambda/instance/launch.ts", "waits, within bounds of time, calls and price, for the first candidate that appears", "unit/lambda/instance.test.ts: capacity that appears within the wait is taken; without it the wait ends at its limit and says where there is some")],
  LAM6: [
    plan("profiles/planning/cost.ts", "the price of a forgotten month is part of the plan", "unit/profiles/resolve.test.ts: the worst case is the dearest candidate for the whole lease, with storage"),
    provider("providers/lambda/kinds/filesystem.ts", "one that is kept is recorded with its price and the command that removes it", "unit/lambda/filesystem.test.ts: one that is kept stays, with its price and the command that removes it later, and nobody is asked"),
    provider("providers/audit/audit.ts", "the last step of a destroy names what still bills, or proves that nothing does", "engine/lifecycle.test.ts: a run cannot be destroyed before its artifacts are pulled, proven and approved, and then nothing bills"),
  ],
  LAM7: [imagesTorch, plan(TRIGGERS, "a setup that installs torch with pip is warned about", WARNED)],
  LAM8: [plan(TRIGGERS, "a setup that borrows the system's packages is warned about", "unit/profiles/gotchas.test.ts: every known mistake of a platform is warned about by its id")],
  LAM9: [
    script("remote/run_queue.sh", "a queue that died is started again, and its cells go on from their newest complete checkpoint", "remote/killed.test.ts: a queue killed in mid-cell is resumed by the next one, after its payload has ended"),
    script("remote/lib/lock.sh", "a lock from before the reboot is taken over", "remote/lock.test.ts: a lock from before a reboot is taken over"),
    provider("providers/job/remoteJob.ts", "the next update places the queue again, on the same or another instance", "engine/lifecycle.test.ts: an instance is replaced on a confirmation alone, the queue resumes and no artifact is lost"),
  ],
  LAM10: [
    provider("providers/lambda/kinds/instance.ts", "the address is read from the API after every launch and refresh", "integration/lambda/lifecycle.test.ts: a rename happens in place, and a refresh sees a new address"),
    provider("providers/ssh/remote.ts", "the host key is recorded by instance: another machine at the same address gets nothing", "integration/ssh/remote.test.ts: another machine behind the same address is refused, and nothing is sent to it"),
  ],
  LAM11: [plan(TRIGGERS, "a setup that upgrades every package is warned about", WARNED)],
  LAM12: [documented("only on-demand instances are provisioned; there is no API to order clusters or reservations by")],
  LAM13: [
    plan(TRIGGERS, "a GH200 among the candidates is warned about", WARNED),
    provider("providers/lambda/capacity.ts", "an ARM machine is never chosen for its price", "unit/lambda/capacity.test.ts: an arm64 machine is not taken because it is cheap, only when it is asked for"),
  ],
};
