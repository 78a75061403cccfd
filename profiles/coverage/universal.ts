/** What is done about U1 to U44. */
import { custody, documented, plan, preflight, provider, script, type CoverageTable } from "./cover";

const REMOTE = "providers/ssh/remote.ts";
const BY_THE_TRAINER = "inside the training program, which Holdfast runs and does not look into";

export const universalCoverage: CoverageTable = {
  U1: [
    provider(REMOTE, "a connection that ends in the middle is reported as unknown, never as success or failure of the command", "integration/ssh/remote.test.ts: a connection that dies in the middle is unknown, neither failure nor success"),
    script("remote/stop.sh", "ends processes by number and start time, then looks whether anything still lives", "remote/stop.test.ts: stop ends a payload that ignores TERM, within its grace"),
  ],
  U2: [
    provider(REMOTE, "scripts, code and job are pushed under the hash of their content, and never written over", "integration/ssh/remote.test.ts: pushing the same content twice writes it once"),
    script("remote/lib/payload.sh", "the environment is a file that the payload's own shell reads and exports", "remote/queue.test.ts: values with quotes, blanks and newlines reach the payload unchanged"),
    script("remote/run_queue.sh", "the queue file is read whole between cells, so appending is safe", "remote/queue.test.ts: a cell appended while the queue runs is run"),
  ],
  U3: [
    script("remote/run_one.sh", "the state of a cell says how it ended: its own exit, a signal, a stop, a gate", "remote/killed.test.ts: a payload that its hardware killed resumes with the same configuration"),
    script("remote/lib/evidence.sh", "why it failed is told apart from the exit code, the kernel's log, the cgroup's counters, disks, boot id and GPUs; what the program printed is a hint only", "remote/causes.test.ts: the kernel kills for memory: said by the cgroup's own counter, and not tried again"),
    script("remote/heartbeat.sh", "carries the boot's id, uptime, memory against its limit and free disk", "remote/killed.test.ts: the heartbeat does not outlive its queue"),
  ],
  U4: [
    script("remote/lib/processes.sh", "a process is its number and its start time; nothing looks at command lines, where a search finds itself", "remote/lock.test.ts: a pid that belongs to somebody else by now does not keep the run locked"),
    script("remote/stop.sh", "stopping and starting are two calls, and the first proves that no writer lives", "remote/stop.test.ts: a stopped run can be started again and resumes"),
  ],
  U5: [documented("no hook is bypassed: the interpreter, the environment and the command stand in files of the run that a guard can read")],
  U6: [
    plan("profiles/planning/disk.ts", "checkpoints of all cells, the next one and caches are held against what the job asks for and what the tier holds", "unit/profiles/planOnPlatforms.test.ts: room is counted in bytes and in files, and said where it does not fit"),
    preflight("bytes", "too little free space refuses the start", "too little room, inodes or memory is refused with the numbers"),
    script("remote/run_one.sh", "a floor of free bytes before every cell, with an exit code of its own", "remote/tier.test.ts: a cell does not start into a full disk"),
    script("remote/run_one.sh", "a cell is complete once its files are flushed to the tier", "remote/tier.test.ts: a disk that fills up under a cell does not end in success"),
    script("remote/manifest.sh", "a half-written file (*.tmp) is never an artifact", "remote/manifest.test.ts: an unfinished checkpoint is not an artifact"),
  ],
  U7: [
    preflight("inodes", "too few free inodes on the real mount refuse the start", "too little room, inodes or memory is refused with the numbers"),
    script("remote/run_one.sh", "a floor of free inodes before every cell", "remote/tier.test.ts: a cell does not start without inodes for its files"),
    plan("profiles/resolve.ts", "HF_HOME is set to a named place of the platform", "unit/profiles/gotchas.test.ts: the model cache has a named place on every platform"),
  ],
  U8: [script("remote/fetch_inputs.sh", "an input in mode copy is staged onto the own disk before the first cell that reads it", "remote/inputs.test.ts: a folder of the instance is copied whole, named by the list of its hashes, or refused")],
  U9: [
    preflight("memory", "the limit of the cgroup, not of the host, against what the job asks for", "too little room, inodes or memory is refused with the numbers"),
    script("remote/run_one.sh", "what may pass by itself is tried again a bounded number of times, with the same configuration; running out of memory is not", "remote/killed.test.ts: a payload that is killed again and again does not bill for ever"),
  ],
  U10: [script("remote/run_queue.sh", "cells run one after the other, and a run has one writer", "remote/lock.test.ts: of two queues started at once, one trains and the other is told why not")],
  U11: [
    script("remote/lib/processes.sh", "workers that outlive their cell are found by a mark in their environment and ended before the next attempt", "remote/killed.test.ts: workers that outlive their killed leader do not write beside the next attempt"),
    preflight("gpu", "a real allocation on every device, which a held card refuses", "a GPU that is absent, too few, fallen off the bus or unusable is refused"),
  ],
  U12: [custody("custody/pull.ts", "rsync with partial files, resumed by the same command, every file hashed at both ends", "integration/ssh/remote.test.ts: a pull that was cut goes on from what has arrived, and ends byte for byte the same")],
  U13: [provider(REMOTE, "every transfer makes the folder it writes to", "integration/ssh/remote.test.ts: pushing the same content twice writes it once")],
  U14: [plan("profiles/planning/contradictions.ts", "storage and instance are planned in one region; the price of transfer stands in the profile", "unit/profiles/resolve.test.ts: an instance is never planned in another region than its file system")],
  U15: [documented("artifacts are compared byte for byte, so they travel as they are; whether a checkpoint shrinks is measured once by its owner")],
  U16: [script("remote/heartbeat.sh", "the one process that waits beside a run ends with its queue", "remote/killed.test.ts: the heartbeat does not outlive its queue")],
  U17: [
    script("remote/lib/payload.sh", "nothing that is started reads the caller's input", "remote/queue.test.ts: a payload that reads its stdin does not eat the rest of the queue"),
    provider(REMOTE, "connections and tries are bounded", "integration/ssh/remote.test.ts: a machine that does not listen is unreachable, and says so within its bounded tries"),
  ],
  U18: [
    script("remote/run_queue.sh", "the machine itself writes the closing marker; status reads it whenever somebody asks", "remote/queue.test.ts: markers that a payload prints are not believed"),
    provider("providers/lambda/sshKeyPair.ts", "the private key stays in the custody store", "unit/lambda/sshKey.test.ts: the private half is 0600 under custody and in nothing that is stored or sent"),
  ],
  U19: [documented("Holdfast deletes nothing in trackers; its own deletions are confirmed by looking until the thing is gone")],
  U20: [
    plan("profiles/resolve.ts", "metrics and logs are artifacts, whatever is declared scratch", "unit/profiles/resolve.test.ts: metrics and logs are kept even when a pattern calls everything else scratch"),
    script("remote/lib/payload.sh", "output goes to a log on the durable tier", "remote/tier.test.ts: an output folder or log that cannot be made is a failure of the tier, not of the training"),
  ],
  U21: [documented(`how hard a card works is judged ${BY_THE_TRAINER}; heartbeats carry utilisation, memory and temperature as hints`)],
  U22: [preflight("gpu", "nvidia-smi that fails or hangs, or a CUDA call that fails, refuses the start", "a GPU that is absent, too few, fallen off the bus or unusable is refused")],
  U23: [documented("heartbeats carry the temperature; whether a slower card is worth keeping is a person's decision")],
  U24: [documented(`the number of workers is chosen ${BY_THE_TRAINER}; what memory and processors they may use is measured for the slice (U9, U40)`)],
  U25: [
    plan("profiles/planning/warnings.ts", "an input of very many files is warned about", "unit/profiles/inputs.test.ts: a data set of very many files is warned about before it is moved one by one"),
    documented("how a data set is packed is decided before the run; free inodes are a floor (U7)"),
  ],
  U26: [
    script("remote/lib/payload.sh", "a file with CRLF line ends is refused by name before it runs", "remote/queue.test.ts: a command stored with CRLF fails with the reason instead of training something else"),
    script("remote/run_queue.sh", "Holdfast's own scripts are stored with LF", "remote/shellcheck.test.ts: none is stored with CRLF"),
  ],
  U27: [
    plan("profiles/resolve.ts", "the resolved command of every cell is part of the plan, which the ledger keeps, and has a hash", "unit/profiles/resolve.test.ts: a cell's identity changes with what it runs and not with what it is called"),
    script("remote/lib/cells.sh", "a cell with artifacts of another configuration is not gone on with", "remote/queue.test.ts: a cell whose configuration changed after it started is not mixed with the old one"),
  ],
  U28: [
    script("remote/lib/install_lock.py", "the image's torch is not replaced by the one of a lock file", "remote/setup.test.ts: the image's torch is never replaced by the one of a lock file, and it is said so"),
    preflight("gpu", "a CUDA call through the job's own framework, before a cell starts", "a GPU that is absent, too few, fallen off the bus or unusable is refused"),
  ],
  U29: [
    preflight("python", "the interpreter must run", "an interpreter that is missing is refused, one that is not needed is not"),
    plan("providers/job/lock.ts", "a lock file that leaves a version open is refused before anything is bought", "unit/providers/lock.test.ts: what leaves a version open, leads elsewhere or is another format is no lock file"),
    script("remote/lib/install_lock.py", "packages are installed as pinned, once per instance", "remote/setup.test.ts: packages are installed once per instance, and again on the one that replaces it"),
  ],
  U30: [documented("what a rule does not see, an image chosen outside of the program, is recorded with the instance")],
  U31: [preflight("gpu", "fewer GPUs than the job asks for refuse the start", "a GPU that is absent, too few, fallen off the bus or unusable is refused")],
  U32: [plan("profiles/job.ts", "every cell of the roster has its own arguments", "unit/profiles/resolve.test.ts: a cell's words reach its program unchanged")],
  U33: [
    preflight("mount", "the tier must keep what is written: flush, rename, read back", "storage that does not keep what is written is refused"),
    script("remote/run_one.sh", "a flush that fails is a failure of the cell", "remote/tier.test.ts: artifacts that cannot be flushed are not complete"),
    custody("custody/pull.ts", "a receipt is signed for bytes that were hashed and loaded, not for a copy that said so", "custody/pull.test.ts: a pulled run is whole, loads, and is signed for; the ledger has each step"),
  ],
  U34: [
    provider(REMOTE, "a secret travels over stdin into a 0600 file on the instance's own disk", "integration/ssh/remote.test.ts: a secret written to the machine travels over stdin into a 0600 file, not through any argument list"),
    plan("profiles/job.ts", "a job names secrets and never holds their values", "unit/profiles/resolve.property.test.ts: a plan never contains a secret's value"),
    script("remote/lib/payload.sh", "the payload's shell reads it, and no file of the run has it", "remote/queue.test.ts: a secret reaches the payload and no file of the run"),
  ],
  U35: [script("remote/lib/payload.sh", "a named secret without a value ends the cell before the training starts", "remote/queue.test.ts: a secret that is missing, or a secrets file that does not parse, fails before hours of training and prints no value")],
  U36: [documented(`determinism is decided ${BY_THE_TRAINER}; the example trainer resumes to the same bytes`)],
  U37: [documented(`figures are drawn ${BY_THE_TRAINER}`)],
  U38: [documented("heartbeats are one look each; progress is judged by the age of the newest checkpoint")],
  U39: [
    script("remote/lib/payload.sh", "a link leads from the folder that the panel reads to the cell's curves", "remote/environment.test.ts: curves are artifacts, and the platform's panel finds them"),
    documented("the plan names the port of the platform's panel; an empty panel is no reason to restart anything"),
  ],
  U40: [script("remote/lib/measure.sh", "thread counts follow the slice's processors unless the job sets them", "remote/environment.test.ts: threads follow the share of processors of cgroup version 2, rounded up, wherever it is set")],
  U41: [
    script("remote/lib/measure.sh", "memory and processors are those of the cgroup, version 1 or 2", "remote/environment.test.ts: threads follow the share of processors of cgroup version 1"),
    script("remote/heartbeat.sh", "memory is told with the limit that holds here", "remote/killed.test.ts: the heartbeat does not outlive its queue"),
  ],
  U42: [provider("providers/job/code.ts", "code is pushed under its hash, which is part of every cell's identity", "unit/providers/job.test.ts: code is named by its content")],
  U43: [
    script("remote/lib/payload.sh", "PYTHONUNBUFFERED is set unless the job sets it", "remote/queue.test.ts: an environment file cannot point a cell at another cell's folder"),
    script("remote/status.sh", "shows the age of the newest complete checkpoint, by run and by cell", "remote/status.test.ts: the newest checkpoint of the run and of each cell is found; unfinished ones are none"),
  ],
  U44: [custody("custody/verify/torch/pickle.ts", "nothing that was pulled is ever run, not even to load it", "custody/verify/pickle.test.ts: a pickle that calls os.system is refused by that name and never runs")],
};
