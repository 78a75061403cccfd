// Verification by loading without executing: what the rest of custody uses.
export { verifyFile, type VerifyFileOptions } from "./file.js";
export type { Role } from "./format.js";
export { problemCodes, type ProblemCode } from "./codes.js";
export type { FileVerdict, Problem, Summary, VerifiedFormat } from "./verdict.js";
export { verifyTree, type TreeFile, type TreeProblem, type TreeProgress, type TreeVerdict, type VerifyTreeOptions } from "./tree.js";
export { warmThreads } from "./threads.js";
