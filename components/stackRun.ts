/** The stack's config as the one run of the stack: what index.ts calls. */
import * as pulumi from "@pulumi/pulumi";
import { projectRootFrom } from "../custody";
import { loadJob, parseStackConfig, readConfigValues } from "../profiles";
import { forPeople } from "./errors";
import { TrainingRun } from "./trainingRun";

/** Reads the namespace `holdfast` of the stack's config and builds its run, named after the job. */
export function runFromStackConfig(): TrainingRun {
  const { values, name } = forPeople(() => {
    const all = pulumi.runtime.allConfig();
    const values = readConfigValues(all);
    const config = parseStackConfig(values, `Pulumi.${pulumi.getStack()}.yaml`);
    return { values, name: loadJob(config.job, projectRootFrom(process.cwd())).request.name };
  });
  return new TrainingRun(name, values);
}
