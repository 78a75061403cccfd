// Judges answers by the vendor's contract document, more strictly than it asks: a field that the document does not name is a fault.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

interface Operation {
  readonly responses: Readonly<Record<string, unknown>>;
}
interface ContractDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}

export class Contract {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly validators = new Map<string, ValidateFunction>();
  private readonly patterns: readonly { readonly template: string; readonly pattern: RegExp }[];
  /** `METHOD template status` of every answer that was judged. */
  readonly seen = new Set<string>();

  constructor(private readonly document: ContractDocument) {
    for (const schema of Object.values(document.components.schemas)) {
      if (schema["type"] === "object" && schema["additionalProperties"] === undefined) schema["additionalProperties"] = false;
    }
    addFormats(this.ajv);
    this.ajv.addFormat("ipv4network", /^\d+(\.\d+){3}\/\d+$/);
    this.ajv.addFormat("password", true);
    this.ajv.addSchema(document, "contract");
    const fixedFirst = Object.keys(document.paths).sort((a, b) => Number(a.includes("{")) - Number(b.includes("{")));
    this.patterns = fixedFirst.map((template) => ({ template, pattern: new RegExp(`^${template.replace(/\{[^}]+\}/g, "[^/]+")}$`) }));
  }

  static load(name: string): Contract {
    return new Contract(JSON.parse(readFileSync(join(projectRoot(), "contracts", name), "utf8")) as ContractDocument);
  }

  /** What is wrong with an answer; empty when it is as the document says. `path` is complete, without query. */
  faults(method: string, path: string, status: number, body: unknown): string[] {
    const template = this.patterns.find(({ pattern }) => pattern.test(path))?.template;
    const operation = template === undefined ? undefined : this.document.paths[template]?.[method.toLowerCase()];
    if (template === undefined || !operation) return [`${method} ${path} is not in the contract`];
    if (!(String(status) in operation.responses)) return [`${method} ${template} has no answer ${status} in the contract`];
    this.seen.add(`${method} ${template} ${status}`);
    const escaped = template.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D");
    const reference = `contract#/paths/${escaped}/${method.toLowerCase()}/responses/${status}/content/application~1json/schema`;
    const validate = this.validators.get(reference) ?? this.ajv.compile({ $ref: reference });
    this.validators.set(reference, validate);
    return validate(body) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`);
  }

  describes(method: string, path: string): boolean {
    return this.patterns.some(({ template, pattern }) => pattern.test(path) && method.toLowerCase() in (this.document.paths[template] ?? {}));
  }

  /** Every operation of the document as `METHOD template`. */
  operations(): string[] {
    const methods = new Set(["get", "post", "put", "patch", "delete"]);
    return Object.entries(this.document.paths).flatMap(([template, item]) =>
      Object.keys(item).flatMap((method) => (methods.has(method) ? [`${method.toUpperCase()} ${template}`] : [])),
    );
  }
}

/** The folder that holds package.json and contracts/, wherever this file was compiled to. */
export function projectRoot(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      if ((JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name?: string }).name === "holdfast") return folder;
    } catch {
      // Not here: one folder up.
    }
  }
  throw new Error("no package.json of holdfast above the tests");
}
