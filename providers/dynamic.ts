/**
 * How every own resource is registered: a CustomResource of the dynamic provider whose code, as stored in state, is one
 * constant line that loads today's code by kind. Nothing can be captured by accident, the text never changes with the
 * compiler, and a destroy runs what is on disk instead of what was stored when the resource was created.
 */
import * as pulumi from "@pulumi/pulumi";
import { fromProgramsLine } from "./callSite";
import type { KindName } from "./kinds";

/**
 * The text in state. It is what the SDK's closure serialiser would make of the thinnest possible provider.
 * `createRequire(cwd)` resolves the package both when it is the project itself (self-reference through its exports map) and
 * when it is installed; a relative `require` does neither. The string outlives releases, so `holdfast/provider` is permanent.
 */
export const providerLiteral = (kind: KindName): string =>
  `exports.handler=()=>require("module").createRequire(process.cwd()+"/_.js")("holdfast/provider").provider(${JSON.stringify(kind)})`;

/** The type token of a kind in state, previews and policies. */
export const typeToken = (kind: KindName): string => `pulumi-nodejs:dynamic/holdfast:${kind}`;

/** Base of all own resources. `outputs` names the properties that only the provider knows. */
export abstract class OwnResource extends pulumi.CustomResource {
  protected constructor(kind: KindName, name: string, inputs: pulumi.Inputs, outputs: readonly string[], options: pulumi.CustomResourceOptions) {
    const observed = Object.fromEntries(outputs.map((output) => [output, undefined]));
    super(typeToken(kind), name, { ...observed, ...inputs, __provider: providerLiteral(kind) }, fromProgramsLine(options));
  }
}
