/**
 * Completion scripts for bash, zsh and fish, generated from the commander tree: they need no update by hand, and start nothing but, for
 * a run's or a cell's name, the program itself.
 */
import type { Command, Option } from "commander";
import type { NameKind } from "./runs/knownNames";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** One command of the tree: what may follow its words. */
interface Node {
  /** Words from the program's name on, e.g. `sandbox start`; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly { readonly flag: string; readonly description: string; readonly choices: readonly string[]; readonly cells: boolean }[];
  /** What of a run its positional arguments name. */
  readonly names: NameKind | null;
  /** Choices of the first positional argument. */
  readonly words: readonly string[];
}

export function completionScript(program: Command, shell: Shell): string {
  const name = program.name();
  const nodes = nodesOf(program, "");
  switch (shell) {
    case "bash":
      return bash(name, nodes);
    case "zsh":
      return zsh(name, nodes);
    case "fish":
      return fish(name, nodes);
    default:
      return shell satisfies never;
  }
}

function nodesOf(command: Command, path: string): Node[] {
  const visible = command.createHelp().visibleCommands(command);
  const options = command.createHelp().visibleOptions(command);
  const node: Node = {
    path,
    description: command.description(),
    commands: visible.map((child) => ({ name: child.name(), description: child.summary() || child.description() })),
    options: options.flatMap((option) => flagsOf(option).map((flag) => ({ flag, description: option.description, choices: option.argChoices ?? [], cells: option.flags.includes("<cell") }))),
    names: namesOf(command),
    words: command.registeredArguments[0]?.argChoices ?? [],
  };
  const children = visible.filter((child) => child.name() !== "help");
  return [node, ...children.flatMap((child) => nodesOf(child, path === "" ? child.name() : `${path} ${child.name()}`))];
}

function namesOf(command: Command): NameKind | null {
  const words = command.registeredArguments.flatMap((argument) => argument.name().split("|"));
  const [runs, cells] = [words.some((word) => word === "run" || word === "runs"), words.includes("cell")];
  return runs ? (cells ? "both" : "runs") : cells ? "cells" : null;
}

const ask = (program: string, kind: NameKind): string => `${program} completion names ${kind} 2>/dev/null`;

const flagsOf = (option: Option): string[] => [option.long, option.short].filter((flag): flag is string => typeof flag === "string");

const pathPatterns = (nodes: readonly Node[]): string =>
  nodes.filter((node) => node.path !== "").map((node) => `"${node.path}"`).join("|");

/** The loop that finds which command the words before the cursor name; the same in bash and zsh. */
function bash(name: string, nodes: readonly Node[]): string {
  const choices = nodes.flatMap((node) =>
    node.options.filter((option) => option.choices.length > 0).map((option) => `    "${node.path} ${option.flag}") COMPREPLY=($(compgen -W "${option.choices.join(" ")}" -- "$cur")); return ;;`),
  );
  const cells = nodes.flatMap((node) => node.options.filter((option) => option.cells).map((option) => `    "${node.path} ${option.flag}") words="$(${ask('"${COMP_WORDS[0]}"', "cells")})" ;;`));
  const named = nodes.flatMap((node) => (node.names === null ? [] : [`      "${node.path}") words="$words $(${ask('"${COMP_WORDS[0]}"', node.names)})" ;;`]));
  const words = nodes.map((node) => `    "${node.path}") words="${[...node.commands.map((child) => child.name), ...node.words, ...node.options.map((option) => option.flag)].join(" ")}" ;;`);
  return `# bash completion of ${name}; in ~/.bashrc: eval "$(${name} completion bash)"
_${name}_complete() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" words="" try i
  for ((i = 1; i < COMP_CWORD; i++)); do
    try="\${path:+$path }\${COMP_WORDS[i]}"
    case "$try" in ${pathPatterns(nodes)}) path="$try" ;; esac
  done
  case "$path $prev" in
${choices.join("\n")}
  esac
  case "$path" in
${words.join("\n")}
  esac
  if [[ "$cur" != -* ]]; then
    case "$path" in
${named.join("\n")}
    esac
    case "$path $prev" in
${cells.join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _${name}_complete ${name}
`;
}

function zsh(name: string, nodes: readonly Node[]): string {
  const entry = (word: string, description: string): string => shellQuote(`${word.replaceAll(":", "\\:")}:${oneLine(description)}`);
  const cases = nodes.map((node) => {
    const commands = [...node.commands.map((child) => entry(child.name, child.description)), ...node.words.map((word) => entry(word, ""))];
    const options = node.options.map((option) => entry(option.flag, option.description));
    return `    "${node.path}")\n      commands=(${commands.join(" ")})\n      options=(${options.join(" ")}) ;;`;
  });
  const choices = nodes.flatMap((node) =>
    node.options.filter((option) => option.choices.length > 0).map((option) => `    "${node.path} ${option.flag}") compadd -- ${option.choices.join(" ")}; return ;;`),
  );
  const named = nodes.flatMap((node) => (node.names === null ? [] : [`    "${node.path}") names=("\${(@f)$(${ask('"${words[1]}"', node.names)})}") ;;`]));
  const cells = nodes.flatMap((node) => node.options.filter((option) => option.cells).map((option) => `    "${node.path} ${option.flag}") names=("\${(@f)$(${ask('"${words[1]}"', "cells")})}") ;;`));
  return `#compdef ${name}
# zsh completion of ${name}; in ~/.zshrc after compinit: eval "$(${name} completion zsh)"
_${name}() {
  local cmd="" try word i
  local -a commands options names
  for ((i = 2; i < CURRENT; i++)); do
    try="\${cmd:+$cmd }\${words[i]}"
    case "$try" in ${pathPatterns(nodes)}) cmd="$try" ;; esac
  done
  case "$cmd \${words[CURRENT-1]}" in
${choices.join("\n")}
  esac
  case "$cmd" in
${cases.join("\n")}
  esac
  (( \${#commands} )) && _describe command commands
  [[ "\${words[CURRENT]}" == -* ]] && _describe option options
  if [[ "\${words[CURRENT]}" != -* ]]; then
    case "$cmd" in
${named.join("\n")}
    esac
    case "$cmd \${words[CURRENT-1]}" in
${cells.join("\n")}
    esac
    names=(\${names:#})
    (( \${#names} )) && compadd -- $names
  fi
  (( \${#commands} + \${#names} )) || _files
}
compdef _${name} ${name}
`;
}

function fish(name: string, nodes: readonly Node[]): string {
  const lines = [`# fish completion of ${name}; ${name} completion fish > ~/.config/fish/completions/${name}.fish`];
  lines.push(
    `function __${name}_path`,
    "  set -l path ''",
    "  for word in (commandline -opc)[2..-1]",
    "    set -l try (string trim -- \"$path $word\")",
    `    contains -- "$try" ${nodes.filter((node) => node.path !== "").map((node) => shellQuote(node.path)).join(" ")}; and set path "$try"`,
    "  end",
    "  test \"$path\" = \"$argv[1]\"",
    "end",
  );
  for (const node of nodes) {
    const when = `-n "__${name}_path ${shellQuote(node.path)}"`;
    for (const child of node.commands) lines.push(`complete -c ${name} -f ${when} -a ${child.name} -d ${shellQuote(oneLine(child.description))}`);
    if (node.names !== null) lines.push(`complete -c ${name} -f ${when} -a ${shellQuote(`(${ask(name, node.names)})`)}`);
    for (const word of node.words) lines.push(`complete -c ${name} -f ${when} -a ${shellQuote(word)}`);
    for (const option of node.options) {
      const flag = option.flag.startsWith("--") ? `-l ${option.flag.slice(2)}` : `-s ${option.flag.slice(1)}`;
      const values = option.choices.length > 0 ? ` -x -a ${shellQuote(option.choices.join(" "))}` : option.cells ? ` -x -a ${shellQuote(`(${ask(name, "cells")})`)}` : "";
      lines.push(`complete -c ${name} ${when} ${flag}${values} -d ${shellQuote(oneLine(option.description))}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ");
const shellQuote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
