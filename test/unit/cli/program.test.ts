import assert from "node:assert/strict";
import { test } from "node:test";
import { Cli } from "../../../cli/cli";
import { exitCodes } from "../../../cli/exitCodes";
import { buildProgram } from "../../../cli/main";
import { runOn, stage } from "./stage";

const commands = ["plan", "explain", "doctor", "env", "ls", "watch", "status", "metrics", "logs", "ssh", "tunnel", "keeper", "retry", "cancel", "lease", "pull", "verify", "approve", "break-glass", "audit", "ledger", "recover", "rescue", "sandbox", "completion"];

test("help lists every command and every exit code, and is no failure", async () => {
  const { code, stdout, stderr } = await runOn(["--help"]);
  assert.equal(code, exitCodes.ok);
  assert.equal(stderr, "");
  for (const command of commands) assert.match(stdout, new RegExp(`^  ${command}( |$)`, "m"));
  for (const exitCode of Object.values(exitCodes)) assert.match(stdout, new RegExp(`^  ${exitCode} +\\S`, "m"));
});

test("every command explains itself with an example that names it", () => {
  const program = buildProgram(new Cli(stage().terminal));
  for (const command of program.commands) {
    let help = "";
    command.configureOutput({ writeOut: (text) => { help += text; } });
    command.outputHelp();
    if (command.name() === "sandbox") continue;
    assert.match(help, new RegExp(`\\$ .*holdfast ${command.name()}`), command.name());
  }
});

test("commands whose result a program may read take --json", () => {
  const program = buildProgram(new Cli(stage().terminal));
  const without = program.commands.filter((command) => !command.options.some((option) => option.long === "--json")).map((command) => command.name());
  // A completion script: bytes as they are. The sandbox's own commands take it.
  assert.deepEqual(without.sort(), ["completion", "sandbox"]);
});

test("version is the package's", async () => {
  const { code, stdout } = await runOn(["--version"]);
  assert.equal(code, exitCodes.ok);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test("a mistyped command or option is a usage error with what to type", async () => {
  const command = await runOn(["statsu"]);
  assert.equal(command.code, exitCodes.usage);
  assert.equal(command.stderr, "holdfast: unknown command 'statsu'\n(Did you mean status?)\n  next: holdfast --help\n");
  const option = await runOn(["pull", "--too", "x"]);
  assert.equal(option.code, exitCodes.usage);
  assert.match(option.stderr, /unknown option '--too'[\s\S]*next: holdfast pull --help\n$/);
});

test("with --json a usage error is one JSON object on stderr and nothing on stdout", async () => {
  const { code, stdout, stderr } = await runOn(["approve", "--expires", "soon", "--json"]);
  assert.equal(code, exitCodes.usage);
  assert.equal(stdout, "");
  const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
  assert.equal(error.code, "usage");
  assert.match(error.message, /30m, 24h or 7d/);
});

for (const argv of [["ls"], ["status"], ["plan"], ["pull"], ["approve"], ["audit"], ["doctor"], ["ledger"], ["env"], ["sandbox", "status"]]) {
  test(`outside a project \`${argv.join(" ")}\` says so and does nothing`, async () => {
    const { code, stdout, stderr } = await runOn(argv);
    assert.equal(code, exitCodes.usage);
    assert.equal(stdout, "");
    assert.match(stderr, /^holdfast: \/ is not inside a Pulumi project[\s\S]*next: cd into the project/);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test("break-glass without a reason or an expiry is refused before anything is looked at", async () => {
  assert.match((await runOn(["break-glass"])).stderr, /required option '--reason/);
  assert.match((await runOn(["break-glass", "--reason", "x"])).stderr, /required option '--expires/);
});

test("cells cannot be given up without a reason", async () => {
  const { code, stderr } = await runOn(["approve", "--partial", "a", "b"]);
  assert.equal(code, exitCodes.usage);
  assert.match(stderr, /--partial gives cells up, so it needs a reason/);
});
