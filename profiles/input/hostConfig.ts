/** What a run needs to know about machines that no API describes: the blocks `autodl`, `ssh` and `slurm`. */
import { z } from "zod";
import { choice, positive, section, text, wholeFrom } from "./faults";

const hostName = text("a host name or address", /^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/).nullable().default(null);
const port = wholeFrom(1, "a port, 1 to 65535").max(65535, { error: "a port, 1 to 65535" }).nullable().default(null);
const user = text("a user name", /^[a-z_][a-z0-9_.-]*$/).nullable().default(null);
/** What a reboot or the end of a job empties, or is no disk, can be no place for the only copy. */
const durablePath = text("an absolute path such as /data, and not below /tmp, /var/tmp, /run or /dev, which do not last", /^\/(?!\/)(?!.*\/\.\.(\/|$))(?!(tmp|var\/tmp|var\/run|run|dev|proc|sys)(\/|$))[^\0\n{}$\\]*$/u).nullable().default(null);
const word = text("a word without spaces", /^[A-Za-z0-9][\w.,:@+-]*$/).nullable().default(null);

export const autodlConfigSchema = section({
  /** pro: Container Instance Pro, which has an API. rented: an instance rented in the console, used over SSH. Default: pro. */
  instance: choice(["pro", "rented"]).default("pro"),
  /** Region of instance and file storage. Default: null, where there is capacity. Example: neimeng-A. */
  region: text("a region such as neimeng-A", /^[A-Za-z0-9-]+$/).nullable().default(null),
  /** A tidal instance: cheaper, released after seven days off instead of fifteen. Default: false. */
  tidal: z.boolean({ error: "true or false" }).default(false),
  /** Host and port of a rented instance. Default: null, what the API says. */
  host: hostName,
  port,
});

export const sshConfigSchema = section({
  /** Needed on platform ssh. Example: gpu.example.com. */
  host: hostName,
  /** Default: null, 22. */
  port,
  /** Default: null, root. Example: ubuntu. */
  user,
  /** Directory on the largest disk that stays; measure it with df. Needed on platform ssh. Example: /data. */
  durablePath,
});

export const slurmConfigSchema = section({
  /** Login node. Default: null, commands run on this machine. Example: login.example.com. */
  host: hostName,
  port,
  user,
  /** Directory on the parallel file system. Needed on platform slurm. Example: /scratch/team. */
  durablePath,
  /** Walltime as HH:MM:SS or D-HH:MM:SS. Default: null, the partition's own. Example: "24:00:00". */
  time: text('a walltime such as "24:00:00" or "2-00:00:00"', /^(\d+-)?\d{1,3}:[0-5]\d:[0-5]\d$/).nullable().default(null),
  partition: word,
  account: word,
  qos: word,
  /** How long before the walltime the job is warned. Default: 360. */
  signalLeadSeconds: positive("seconds above 0").default(360),
});

export type AutodlConfig = z.output<typeof autodlConfigSchema>;
export type SshConfig = z.output<typeof sshConfigSchema>;
export type SlurmConfig = z.output<typeof slurmConfigSchema>;

/** Seconds of a walltime as slurm.time allows it: `D-HH:MM:SS` or `HH:MM:SS`. */
export function walltimeSeconds(time: string): number {
  const [, days = "0", hours = "0", minutes = "0", seconds = "0"] = /^(?:(\d+)-)?(\d+):(\d+):(\d+)$/.exec(time) ?? [];
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
}
