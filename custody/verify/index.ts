// Verification by loading without executing: what the rest of custody uses.
export { verifyFile, type VerifyFileOptions } from "./file.js";
export type { Role } from "./format.js";
export type { FileVerdict, Problem, Summary, VerifiedFormat } from "./verdict.js";
