/**
 * Writes providers/lambda/api/contract.ts from lambda-openapi.json: only the operations the client calls, without prose
 * (the whole document gives 170 kB of types). Run after replacing the document: node contracts/generate-lambda-types.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const calledPaths = [
  "/api/v1/instances",
  "/api/v1/instances/{id}",
  "/api/v1/instance-types",
  "/api/v1/instance-operations/launch",
  "/api/v1/instance-operations/restart",
  "/api/v1/instance-operations/terminate",
  "/api/v1/ssh-keys",
  "/api/v1/ssh-keys/{id}",
  "/api/v1/file-systems",
  "/api/v1/filesystems",
  "/api/v1/filesystems/{id}",
  "/api/v1/images",
  "/api/v1/regions",
  "/api/v1/firewall-rulesets",
  "/api/v1/firewall-rulesets/{id}",
];

const prose = new Set(["description", "examples", "example", "title", "summary", "tags", "operationId", "x-codeSamples"]);

function withoutProse(node, insideProperties = false) {
  if (Array.isArray(node)) return node.map((item) => withoutProse(item));
  if (node === null || typeof node !== "object") return node;
  const kept = Object.entries(node).filter(([key]) => insideProperties || !prose.has(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutProse(value, key === "properties")]));
}

function schemasReachedFrom(root, schemas) {
  const reached = new Set();
  const visit = (node) => {
    for (const [, name] of JSON.stringify(node).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (reached.has(name)) continue;
      reached.add(name);
      visit(schemas[name]);
    }
  };
  visit(root);
  return reached;
}

const contract = JSON.parse(readFileSync(new URL("lambda-openapi.json", import.meta.url), "utf8"));
const paths = Object.fromEntries(calledPaths.map((path) => [path, contract.paths[path]]));
const missing = calledPaths.filter((path) => paths[path] === undefined);
if (missing.length > 0) throw new Error(`The contract no longer has ${missing.join(", ")}: change the client first.`);
// Error bodies are read by one lenient decoder (errors.ts), whatever their status.
for (const operations of Object.values(paths)) {
  for (const operation of Object.values(operations)) {
    if (operation.responses) operation.responses = Object.fromEntries(Object.entries(operation.responses).filter(([status]) => status.startsWith("2")));
  }
}
const reached = schemasReachedFrom(paths, contract.components.schemas);
const schemas = Object.fromEntries(Object.entries(contract.components.schemas).filter(([name]) => reached.has(name)));
const source = astToString(await openapiTS(withoutProse({ openapi: contract.openapi, info: contract.info, paths, components: { schemas } })));
const header = `/* eslint-disable -- generated */
/**
 * Types of the Lambda Cloud API ${contract.info.version}, generated from contracts/lambda-openapi.json. Do not edit:
 * run \`node contracts/generate-lambda-types.mjs\` instead. A .ts file, so that the compiled package carries it.
 */
`;
const target = new URL("../providers/lambda/api/contract.ts", import.meta.url);
writeFileSync(target, header + source);
console.log(`${target.pathname}: ${(header + source).length} bytes, ${Object.keys(schemas).length} schemas`);
