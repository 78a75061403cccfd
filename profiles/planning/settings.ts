/** What a stack's config says in its platform's own block, in terms that every platform shares. */
import { walltimeSeconds } from "../input/hostConfig";
import type { StackConfig } from "../stackConfig";

export interface PlatformSettings {
  readonly region: string | null;
  readonly user: string | null;
  readonly sshPort: number | null;
  /** Absolute path that stands for `{durablePath}` in the profile. */
  readonly durablePath: string | null;
  /** Clock id to its duration in seconds, where config sets it. null: the clock does not tick in this run. */
  readonly clockSeconds: Readonly<Record<string, number | null>>;
  /** Meter id to what it counts besides compute and durable storage. Meters that are not named add nothing to the cost. */
  readonly metered: Readonly<Record<string, Metered>>;
  /** Roles with `ifUsed` that this run has. */
  readonly usedRoles: readonly string[];
}

/** So many things, each of so many decimal gigabytes (0 for a thing without a size). */
export interface Metered {
  readonly count: number;
  readonly gb: number;
  /** It goes with the instance, whatever the profile says of its kind: a dynamic address. */
  readonly endsWithInstance?: true;
}

const nothing: PlatformSettings = { region: null, user: null, sshPort: null, durablePath: null, clockSeconds: {}, metered: {}, usedRoles: [] };

const HOUR = 3600;

export function settingsOf(config: StackConfig): PlatformSettings {
  switch (config.platform) {
    case "lambda":
      return { ...nothing, region: config.lambda.region, sshPort: config.lambda.sshPort, usedRoles: config.lambda.firewall.length > 0 ? ["firewall"] : [] };
    case "paperspaceCore":
      return coreSettings(config.paperspaceCore);
    case "paperspaceGradient": {
      const { region, plan, autoShutdownHours } = config.paperspaceGradient;
      return { ...nothing, region, clockSeconds: { autoShutdown: (autoShutdownHours ?? (plan === "free" ? 6 : 12)) * HOUR } };
    }
    case "autodl": {
      const { region, port, tidal } = config.autodl;
      return { ...nothing, region, sshPort: port, clockSeconds: tidal ? { autoRelease: null } : { tidalRelease: null } };
    }
    case "ssh": {
      const { user, port, durablePath } = config.ssh;
      return { ...nothing, user, sshPort: port, durablePath };
    }
    case "slurm": {
      const { user, port, durablePath, time } = config.slurm;
      return { ...nothing, user, sshPort: port, durablePath, clockSeconds: time === null ? {} : { walltime: walltimeSeconds(time) } };
    }
    case "colab":
      return { ...nothing, clockSeconds: { sessionCap: config.colab.sessionHours * HOUR } };
    case "kaggle":
      return { ...nothing, clockSeconds: { sessionCap: config.kaggle.sessionHours * HOUR } };
    default:
      return nothing;
  }
}

function coreSettings({ region, autoShutdownHours, publicIp, diskGb, autoSnapshots, keepSnapshots }: StackConfig["paperspaceCore"]): PlatformSettings {
  const snapshots = autoSnapshots === "none" ? 0 : keepSnapshots;
  return {
    ...nothing,
    region,
    clockSeconds: autoShutdownHours === null ? {} : { autoShutdown: autoShutdownHours * HOUR, computeWithoutEnd: null },
    metered: {
      disk: { count: 1, gb: diskGb },
      snapshot: { count: snapshots, gb: diskGb },
      publicIp: { count: 1, gb: 0, ...(publicIp === "dynamic" ? { endsWithInstance: true } : {}) },
      template: { count: 0, gb: 0 },
    },
    usedRoles: [...(publicIp === "static" ? ["publicIp"] : []), ...(snapshots > 0 ? ["snapshot"] : [])],
  };
}
