import assert from "node:assert/strict";
import { test } from "node:test";
import { slurmCancelStaysCancelled, slurmCheckpointsOffNode, slurmRequeueWorks, slurmSignalLeavesTime, slurmStepsGetTheirCpus, slurmWalltimeFits, type ResourceRule } from "../../policy/rules";
import { parseBatchScript, secondsOf, signalOf } from "../../policy/slurm/script";
import { judge, tripped, UNKNOWN } from "./judging";
import { runOn } from "./platformPlans";

const happy = `#!/bin/bash
#SBATCH --partition=gpu --gres=gpu:a100:1 --cpus-per-task=8 --mem=64G --time=12:00:00
#SBATCH --signal=B:USR1@360 --requeue --open-mode=append --output=%x-%j.out
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
want=; trap 'want=requeue; kill -USR1 $child' USR1; trap 'want=stop; kill -TERM $child' TERM
srun python3 train.py --checkpoint-dir=/scratch/$USER/run7 --cache-dir $TMPDIR/cache & child=$!
wait $child; rc=$?
if [ "$rc" = 85 ] && [ "$want" = requeue ]; then scontrol requeue $SLURM_JOB_ID; fi
`;

const submitted = (script: string) => ({ type: "command:remote:Command", props: { create: `cat > job.sh <<'EOF'\n${script}EOF\nsbatch job.sh\n` } });
const said = async (rule: ResourceRule, script: string, config = {}) => (await judge(rule, { ...submitted(script), config })).violations.join("\n");
const replaced = (from: string, to: string) => {
  assert.ok(happy.includes(from), from);
  return happy.replace(from, to);
};

test("options are read from directives and command lines, short and long", () => {
  const script = parseBatchScript("#SBATCH -t 1-12 --signal=B:USR1@300 # why\nsbatch -p gpu --time=00:30:00 job.sh");
  assert.deepEqual([script?.options.get("signal"), script?.options.get("partition"), script?.options.get("time")], ["B:USR1@300", "gpu", "00:30:00"]);
  assert.equal(parseBatchScript("echo hello"), null);
  for (const [limit, seconds] of [["90", 5400], ["90:30", 5430], ["12:00:00", 43_200], ["1-12", 129_600], ["2-00:30", 174_600], ["UNLIMITED", null]] as const) assert.equal(secondsOf(limit), seconds, limit);
  assert.deepEqual(signalOf("B:SIGTERM@360"), { toShell: true, signal: "TERM", leadSeconds: 360 });
  assert.equal(signalOf("10")?.leadSeconds, 60);
});

test("a script that saves, requeues and ends as it should is left alone", async () => {
  const { type, props } = submitted(happy);
  assert.deepEqual(await tripped([{ type, name: "submit", props }]), []);
  assert.deepEqual(await tripped([{ type: "command:remote:Command", name: "other", props: { create: "apt-get install tmux; ls /tmp" } }]), []);
});

test("checkpoints on the node are wiped with the job", async () => {
  for (const place of ["$TMPDIR/ckpt", "${SLURM_TMPDIR}/x", "/tmp/run", "/dev/shm/run", "/localscratch/run"]) {
    assert.match(await said(slurmCheckpointsOffNode, replaced("/scratch/$USER/run7", place)), /--checkpoint-dir is .*, on the node.*SLURM5/s, place);
  }
  assert.match(await said(slurmCheckpointsOffNode, replaced("export SRUN", 'export OUTPUT_DIR="$TMPDIR/out"\nexport SRUN')), /OUTPUT_DIR is \$TMPDIR\/out/);
  assert.match((await judge(slurmCheckpointsOffNode, runOn("slurm", (plan) => Object.assign(plan, { environment: { CHECKPOINT_DIR: "$TMPDIR/c" } })))).violations.join(), /job\.env\.CHECKPOINT_DIR/);
});

test("a run whose storage is a folder of the node loses it with the job; a site may know better", async () => {
  const durable = (durablePath: string) => runOn("slurm", undefined, {}, { slurm: { durablePath, time: "04:00:00" } });
  const found = async (path: string, config = {}) => (await judge(slurmCheckpointsOffNode, { ...durable(path), config })).violations.join("\n");
  assert.match(await found("/localscratch/team"), /^slurm\.durablePath: durablePath is \/localscratch\/team, on the node.*SLURM5/s);
  assert.match(await found("/raid/team", { nodeLocal: ["/raid"] }), /\/raid\/team, on the node/);
  assert.equal(await found("/local/projects/team", { shared: ["/local/projects"] }), "");
  assert.equal(await found("/scratch/team"), "");
});

test("a script with Windows line ends is read like any other", async () => {
  const windows = (script: string): string => script.replaceAll("\n", "\r\n");
  const props = (script: string) => ({ type: "local:index/file:File", name: "script", props: { content: windows(script) } });
  assert.deepEqual(await tripped([props(happy)]), []);
  assert.deepEqual(await tripped([props(replaced("/scratch/$USER/run7", "/tmp"))]), ["slurm-checkpoints-off-node"]);
});

test("a warning that is missing or too short costs the last checkpoint", async () => {
  assert.match(await said(slurmSignalLeavesTime, replaced("--signal=B:USR1@360 ", "")), /no warning before the time limit.*SLURM2/s);
  assert.match(await said(slurmSignalLeavesTime, replaced("@360", "@90")), /90 s of warning, and Slurm may be 60 s off/);
  assert.equal(await said(slurmSignalLeavesTime, replaced("@360", "@90"), { leadSeconds: 61 }), "");
});

test("a warning that kills the batch shell ends the job before its time, with nothing saved", async () => {
  const dies = /USR1 goes to the batch shell, and no trap there takes it.*SLURM2/s;
  const trap = "want=; trap 'want=requeue; kill -USR1 $child' USR1; ";
  assert.match(await said(slurmSignalLeavesTime, replaced(trap, "")), dies);
  assert.match(await said(slurmSignalLeavesTime, replaced(trap, "trap 'echo bye' INT\n")), dies);
  for (const taken of ["trap 'kill -USR1 $child' 10\n", "handle() { kill -USR1 $child; }\ntrap handle SIGUSR1 SIGTERM\n", ". ./traps.sh\n"]) assert.equal(await said(slurmSignalLeavesTime, replaced(trap, taken)), "", taken);
  assert.equal(await said(slurmSignalLeavesTime, replaced("B:USR1", "USR1").replace(trap, "")), "", "a signal for the steps is not the shell's");
  const exec = happy.replace(trap, "").replace(/srun python3.*\nwait.*\nif.*\n/, "exec python3 train.py --checkpoint-dir=/scratch/run7\n");
  assert.equal(await said(slurmSignalLeavesTime, exec), "", "the program in the shell's place takes it");
});

test("a trap for TERM that requeues makes scancel useless, in place or through a function", async () => {
  assert.match(await said(slurmCancelStaysCancelled, replaced("'want=stop; kill -TERM $child' TERM", "'scontrol requeue $SLURM_JOB_ID' TERM")), /scancel sends TERM as well/);
  assert.match(await said(slurmCancelStaysCancelled, `${happy}again() {\n  scontrol requeue $SLURM_JOB_ID\n}\ntrap again SIGTERM\n`), /the trap for TERM requeues/);
  assert.equal(await said(slurmCancelStaysCancelled, happy), "");
});

test("a requeue that does not happen, or cuts off its log, is told", async () => {
  assert.match(await said(slurmRequeueWorks, happy, { partitions: { gpu: { preemptMode: "CANCEL" } } }), /partition gpu has PreemptMode CANCEL/);
  assert.match(await said(slurmRequeueWorks, replaced("--open-mode=append ", "")), /begins its log anew/);
  assert.equal(await said(slurmRequeueWorks, happy, { partitions: { gpu: { preemptMode: "REQUEUE" } } }), "");
});

test("a time limit is stated, and within the partition's", async () => {
  assert.match(await said(slurmWalltimeFits, replaced(" --time=12:00:00", "")), /no time limit/);
  assert.match(await said(slurmWalltimeFits, happy, { partitions: { gpu: { maxHours: 8 } } }), /12:00:00, and partition gpu ends jobs after 8 h/);
  assert.equal(await said(slurmWalltimeFits, happy, { partitions: { gpu: { maxHours: 12 } } }), "");
});

test("a step without its CPUs is told", async () => {
  assert.match(await said(slurmStepsGetTheirCpus, replaced("export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK\n", "")), /srun without --cpus-per-task.*SLURM3/s);
});

test("a script that is not known yet is named", async () => {
  assert.match((await judge(slurmSignalLeavesTime, { type: "command:remote:Command", props: { create: UNKNOWN } })).unknown ?? "", /\.create/);
});
