/** The stack's config as the one run of the stack: what index.ts calls. */
import * as pulumi from "@pulumi/pulumi";
import { projectRootFrom } from "../custody";
import { collectStackConfig, parseStackConfig } from "../profiles";
import { forPeople } from "./errors";
import { readJob } from "../providers/job/source";
import type { TrainingRunArgs } from "./trainingRun";
import { TrainingRun } from "./trainingRun";

/** Reads the namespace `holdfast` of the stack's config and builds its run, named after the job. */
export function runFromStackConfig(): TrainingRun {
  const { values, name } = forPeople(() => {
    const values = collectStackConfig(pulumi.runtime.allConfig());
    const config = parseStackConfig(values, `Pulumi.${pulumi.getStack()}.yaml`);
    return { values: values as TrainingRunArgs, name: readJob(config, projectRootFrom(process.cwd())).request.name };
  });
  return new TrainingRun(name, values);
}
