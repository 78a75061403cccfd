/** What goes wrong on every platform. Data; what is done about each stands in coverage/. */

export interface UniversalGotcha {
  readonly id: string;
  readonly topic: string;
  readonly statement: string;
}

const about = (topic: string, statements: Readonly<Record<string, string>>): UniversalGotcha[] =>
  Object.entries(statements).map(([id, statement]) => ({ id, topic, statement }));

const unsorted: readonly UniversalGotcha[] = [
  ...about("processes and SSH", {
    U1: "A kill sent over SSH can end the connection with it: 255 says nothing about whether the kill worked.",
    U2: "A shell reads its script while it runs, so editing a launcher that is in use makes it run something else; and a variable that is not exported never reaches a detached process.",
    U3: "A training process is gone without a traceback: a reboot, a kill for memory, a hang-up, or somebody's stray kill, and the log does not tell which.",
    U4: "Kill and relaunch in one remote command never relaunches, and a pattern that should find the training also matches the command that looks for it.",
    U5: "A guard of the environment refuses a launch because it sees only the text of the command, not what a wrapper activates.",
  }),
  ...about("disk and storage", {
    U6: "The disk fills while a checkpoint is written: the save dies with a stream error and leaves half a file.",
    U7: "No space is left although bytes are free: the inodes are used up, or the full disk is the one behind a linked cache.",
    U8: "Random reads from a network volume starve the GPU, tens of times slower than a local NVMe disk.",
  }),
  ...about("memory", {
    U9: "A bare `Killed`, exit code 137: every data-loading worker held its copy, and together they passed the memory limit of the machine's slice.",
    U10: "CUDA runs out of memory because another job holds part of the card, or because the free memory is in pieces.",
    U11: "CUDA runs out of memory on a card that looks empty: an orphan holds the device and no list shows it.",
    U41: "Load and free memory look alarming because the tools show the whole shared host, not this slice of it.",
  }),
  ...about("transfer", {
    U12: "Copying a large tree in one stream breaks after a while and starts again from nothing.",
    U13: "A transfer fails at once because the folder it writes to was to be made by somebody else.",
    U14: "A fifth of the bill is traffic: out of the cloud, or between zones.",
    U15: "A transfer is slow and dear because text is sent as it is; checkpoints, on the other hand, hardly shrink.",
  }),
  ...about("monitoring", {
    U16: "Waiters for runs that were replaced long ago go on polling for hours.",
    U17: "A poll in the background never returns: a pattern was read as a pipe, and the program waits for input.",
    U18: "A promise to look again does nothing by itself, and a scheduler in a cloud has no key to the machine.",
    U19: "Runs deleted from a tracker come back, because the deletion happens later than it is confirmed.",
    U20: "The learning curves are gone with the machine, because they were written beside the code.",
    U39: "The panel is empty while the training is fine: another folder, a dead server, or a closed port.",
    U43: "The log stands still while the training goes on: without a terminal its output is held back in a buffer.",
  }),
  ...about("GPU health", {
    U21: "100 % utilisation says that some kernel ran, not that the card works hard.",
    U22: "The card is broken: double-bit memory errors, or it fell off the bus.",
    U23: "A quarter of the speed is missing without an error: the card throttles for heat or power.",
    U38: "0 % utilisation while steps advance: the work is on the CPU between two looks.",
  }),
  ...about("data and CPU", {
    U24: "The GPU waits for data: too few workers, nothing fetched ahead.",
    U25: "Millions of small files crawl: every file costs a round trip for its metadata.",
    U40: "Thread pools sized to the host's cores fight over a slice of a few.",
  }),
  ...about("environment", {
    U26: "A shell script written with CRLF line ends does not run, or runs something else.",
    U27: "An override given only on a command line meets a missing parent, and nobody can say afterwards what was run.",
    U28: "Driver, CUDA of the image and the build of the framework do not agree: no kernel image, or no CUDA at all.",
    U29: "The same requirements install other versions a month later.",
    U30: "The same image name is another image tomorrow, because a tag moves.",
    U31: "The container has no GPU and trains a hundred times slower without an error.",
    U42: "A bug that was fixed is still there: the machine holds a copy of the code that was synchronised by hand.",
    U44: "A script brought back from the machine starts itself again and again where workers are spawned instead of forked.",
  }),
  ...about("cost, secrets, trackers", {
    U32: "One number of epochs for all configurations is wrong for some of them.",
    U33: "`synced` is printed and nothing is there: the exit code of the copy was not looked at.",
    U34: "A secret is in the shell history, the process list or the transcript, because it stood in a command.",
    U35: "A tracker in offline mode logs nothing, because its wrapper asks the service first.",
    U36: "Two runs of the same seed differ a little: the library picks its algorithms by timing them.",
    U37: "The summary figure breaks because it has one row per sample and grows beyond what the format holds.",
  }),
];

/** By number: U1 to U44. */
export const universalGotchas: readonly UniversalGotcha[] = [...unsorted].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
