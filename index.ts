// The program: the stack's config in, one training run out.
import { runFromStackConfig } from "./components";

const run = runFromStackConfig();

export const directory = run.directory;
export const address = run.address;
export const machine = run.machine;
export const hourlyUsd = run.hourlyUsd;
export const waiting = run.waiting;
