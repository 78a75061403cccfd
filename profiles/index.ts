/** Public surface: what platforms do, what people may ask for, and the plan that follows from both. */
export { stepsBetweenCheckpoints, wasteOf, youngDaly, type Cadence } from "./planning/cadence";
export { ASSUMED_DISK_GIB, HOURS_PER_MONTH, costAfter } from "./planning/cost";
export { meetsLowerBounds, priceTableOf, type Offer, type PriceTable } from "./planning/prices";
export { findVerb, tiersLostBy } from "./planning/teardown";
export { defineProfile } from "./defineProfile";
export { explainProfile, type Cell, type Explanation, type Table } from "./explain";
export { countsAsLost, known, mustProbe, notApplicable, survivalCountsAsLost, valueOr, type Evidence, type Fact } from "./fact";
export { ConfigError, renderPath, type Fault, type PropertyPath } from "./input/faults";
export { LAMBDA_API, type Image, type LambdaConfig } from "./input/lambdaConfig";
export { parseJob, type JobCell, type JobRequest } from "./job";
export { parseJobText, readJobFile } from "./jobFile";
export type * from "./plan";
export { MOUNT } from "./plan";
export { findProfile, platforms, profileFor, profiles } from "./registry";
export { ALWAYS_KEPT, quoteWord, resolve, type ResolveOptions } from "./resolve";
export { EVENTS, profileSchema, type Event, type Profile, type ProfileInput, type Verb } from "./schema";
export { collectStackConfig, parseStackConfig, type StackConfig, type StackConfigInput, type StackStorage } from "./stackConfig";
