/**
 * A shell script followed on paper: which programs it would start, with which words and variables, in which folder. Branches
 * are all followed and their values put together; functions, traps and scripts within the script are entered. Nothing runs. Pure.
 */
import type { AndOr, Assignment, Command, CommandNode, CompoundList, HereDoc, If, PipelineNode, Statement, Word } from "unbash";
import { assignedBy, expandWord, readText, readWord, union, type Readings, type Values } from "./expand";
import { isShell, scriptsInWords } from "./nested";
import { statementsOf } from "./parse";
import { ShellState } from "./state";

/** A program with the state of the shell that starts it. */
export interface Started {
  /** Its name first. Every word with all its readings. */
  readonly words: readonly Readings[];
  readonly values: Values;
  /** Names that its environment holds; `*` for all. */
  readonly exported: ReadonlySet<string>;
  readonly folder: Readings;
  /** Where its output goes: `> FILE`. */
  readonly targets: readonly Readings[];
  /** Here-documents that are no shell: configuration that the script writes. */
  readonly documents: readonly string[];
  /** The signals of the trap that starts it; null outside of traps. */
  readonly trap: readonly string[] | null;
  /** Only on some way through the script. */
  readonly maybe: boolean;
  /** Again and again while something else goes on. */
  readonly repeatedly: boolean;
}

export interface Circumstances {
  /** The environment that the script is started with. */
  readonly variables?: Readonly<Record<string, Readings>>;
  /** Where it starts; a relative path stays one when this is "". */
  readonly folder?: string;
  /** Where a batch script within the script starts, if not in the folder of that moment. */
  readonly batchFolder?: string | null;
}

/** In the order of the text, traps last. Cycles of functions are cut, and what is very long is read as far as STEPS goes. */
export function followScript(text: string, { variables = {}, folder = "", batchFolder = null }: Circumstances = {}): readonly Started[] {
  const asked = JSON.stringify([text, variables, folder, batchFolder]);
  const before = followed.get(asked);
  if (before !== undefined) return before;
  const started: Started[] = [];
  new Follower(ShellState.of(variables, folder), { started, batchFolder, steps: 0 }).script(text, { trap: null, maybe: false, repeatedly: false, inside: [] });
  if (followed.size >= REMEMBERED) followed.clear();
  followed.set(asked, started);
  return started;
}

/** Several rules ask about the same script, one after the other. */
const followed = new Map<string, readonly Started[]>();
const REMEMBERED = 32;

const STEPS = 20_000;
const DEPTH = 24;

/** What all shells of one script share. */
interface Walk {
  readonly started: Started[];
  readonly batchFolder: string | null;
  steps: number;
}

/** How the words at hand come to be run. */
interface Way {
  readonly trap: readonly string[] | null;
  readonly maybe: boolean;
  readonly repeatedly: boolean;
  /** Functions and scripts that are being entered, outermost first. */
  readonly inside: readonly string[];
}

interface Trap {
  readonly signals: readonly string[];
  readonly action: Readings;
}

class Follower {
  private ended = false;

  constructor(
    private readonly state: ShellState,
    private readonly walk: Walk,
    private readonly functions = new Map<string, CompoundList | CommandNode>(),
    private readonly traps: Trap[] = [],
  ) {}

  /** A whole script: its traps end with it, and fire with what its variables hold by then. */
  script(text: string, way: Way): void {
    this.list(statementsOf(text), way);
    for (const { signals, action } of this.traps) {
      for (const reading of action) this.fork().list(statementsOf(reading), { ...way, trap: signals });
    }
  }

  private fork(): Follower {
    return new Follower(this.state.fork(), this.walk, this.functions, this.traps);
  }

  list(statements: readonly Statement[], way: Way): void {
    for (const { command, background } of statements) {
      if (++this.walk.steps > STEPS) return;
      const follower = background === true ? this.fork() : this;
      if (command.type === "AndOr") follower.andOr(command, way);
      else follower.pipeline(command, way);
    }
  }

  /** What follows a test may or may not happen; after anything else success is the plan, and what follows || is not. */
  private andOr({ commands, operators }: AndOr, way: Way): void {
    for (const [index, command] of commands.entries()) {
      const operator = operators[index - 1];
      const before = commands[index - 1];
      const maybe = operator === "||" || (operator === "&&" && before !== undefined && isTest(before));
      if (maybe) this.branches([(follower) => { follower.pipeline(command, { ...way, maybe: true }); }, () => undefined]);
      else this.pipeline(command, way);
    }
  }

  private pipeline(node: PipelineNode, way: Way): void {
    if (node.type !== "Pipeline") this.node(node, way);
    else for (const command of node.commands) (node.commands.length === 1 ? this : this.fork()).node(command, way);
  }

  private node(node: CommandNode | CompoundList, way: Way): void {
    switch (node.type) {
      case "Command":
        this.command(node, way);
        return;
      case "CompoundList":
        this.list(node.commands, way);
        return;
      case "BraceGroup":
        this.list(node.body.commands, way);
        return;
      case "Subshell":
        this.fork().list(node.body.commands, way);
        return;
      case "Redirected":
        this.node(node.command, way);
        return;
      case "Function":
        this.functions.set(node.name.value, node.body);
        return;
      case "If":
        this.condition(node, way);
        return;
      case "Case":
        this.branches([...node.items.map(({ body }) => bodyOf(body, { ...way, maybe: true })), () => undefined]);
        return;
      case "For":
      case "Select":
        this.state.set(node.name.value, union(...(node.wordlist ?? []).flatMap((word) => expandWord(word, this.state.values))));
        this.branches([bodyOf(node.body, way), () => undefined]);
        return;
      case "ArithmeticFor":
        this.branches([bodyOf(node.body, way), () => undefined]);
        return;
      case "While":
        this.list(node.clause.commands, way);
        this.branches([bodyOf(node.body, { ...way, repeatedly: way.repeatedly || sleepsIn(node.body) || sleepsIn(node.clause) }), () => undefined]);
        return;
      case "Coproc":
        this.fork().node(node.body, way);
        return;
      case "TestCommand":
      case "ArithmeticCommand":
        return;
    }
  }

  /** Whether it is in a job is no question for a batch script: only one way counts. */
  private condition({ clause, then, elif, else: last }: If, way: Way): void {
    this.list(clause.commands, way);
    const maybe = { ...way, maybe: true };
    const question = questionOf(clause);
    const first = bodyOf(then, maybe);
    const others = [
      ...elif.map(({ clause: asked, then: body }) => (follower: Follower): void => {
        follower.list(asked.commands, maybe);
        follower.list(body.commands, maybe);
      }),
      last === undefined ? (): void => undefined : bodyOf(last, maybe),
    ];
    this.branches(/^-[nv]\s+"?(\$\{?)?SLURM_JOB_?ID\b/.test(question) ? [first] : /^-z\s+"?\$\{?SLURM_JOB_?ID\b/.test(question) ? others : [first, ...others]);
  }

  /** Follows each way on its own, and goes on with the values of all that come out of it. */
  private branches(ways: readonly ((follower: Follower) => void)[]): void {
    const outcomes = ways.map((follow) => {
      const fork = this.fork();
      follow(fork);
      return fork;
    });
    const living = outcomes.filter(({ ended }) => !ended);
    this.ended = living.length === 0;
    if (!this.ended) this.state.merge(living.map(({ state }) => state));
  }

  private command(command: Command, way: Way): void {
    const { state } = this;
    const assignments = command.prefix.filter((part): part is Assignment => part.type === "Assignment");
    if (command.name === undefined) {
      for (const assignment of assignments) state.assign(assignment);
      return;
    }
    const typed = [command.name, ...command.args.filter((word): word is Word => word.type === "Word")];
    const words = typed.flatMap((word) => expandWord(word, state.values));
    for (const [name, readings] of typed.flatMap((word) => assignedBy(word, state.values))) state.set(name, readings);
    const given = command.args.filter((word): word is Assignment => word.type === "Assignment");
    const [[name = ""] = []] = words;
    if (this.builtin(name, words, given)) return;
    const body = this.functions.get(name);
    if (body !== undefined) {
      this.enter(name, way, (inside) => {
        for (const [index, readings] of words.entries()) if (index > 0) state.set(String(index), readings);
        this.node(body, inside);
        this.ended = false;
      });
      return;
    }
    const own = this.fork();
    for (const assignment of assignments) {
      own.state.assign(assignment);
      own.state.export(assignment.name);
    }
    own.start([...words, ...given.map((assignment) => state.read(assignment).map((value) => `${assignment.name}=${value}`))], command, way);
  }

  private start(words: readonly Readings[], { redirects }: Command, way: Way): void {
    const { values, exported, folder } = this.state;
    const targets = redirects.flatMap((redirect) => (redirect.type === "Redirect" && redirect.operator.includes(">") && redirect.target !== undefined ? [readWord(redirect.target, values)] : []));
    const documents = redirects.filter((redirect): redirect is HereDoc => redirect.type === "HereDoc");
    const scripts = documents.filter(({ body }) => isShell(body.text, words)).map(({ body }) => body.text);
    const data = documents.filter(({ body }) => !isShell(body.text, words)).flatMap(({ body, delimiter }) => (delimiter?.quoted === true ? [body.text] : readText(body.text, values)));
    this.walk.started.push({ words, values, exported, folder, targets, documents: data, trap: way.trap, maybe: way.maybe, repeatedly: way.repeatedly });
    for (const text of [...scripts, ...scriptsInWords(words)]) {
      this.enter(text, way, (inside) => {
        new Follower(this.state.forProgram(text.includes("#SBATCH") ? this.walk.batchFolder : null), this.walk).script(text, inside);
      });
    }
  }

  private enter(name: string, way: Way, follow: (inside: Way) => void): void {
    if (way.inside.includes(name) || way.inside.length >= DEPTH) return;
    follow({ ...way, inside: [...way.inside, name] });
  }

  /** Commands that change the shell itself. Whether it was one of them. */
  private builtin(name: string, words: readonly Readings[], given: readonly Assignment[]): boolean {
    const { state } = this;
    const operands = words.slice(1).filter(([word = ""]) => !/^-./.test(word));
    switch (name) {
      case "export":
      case "declare":
      case "typeset":
      case "local":
      case "readonly":
        for (const assignment of given) state.assign(assignment);
        for (const [variable, value] of operands.flat().flatMap(splitAssignment)) state.set(variable, [value]);
        if (name === "export" || words.some(([word = ""]) => /^-[a-z]*x/i.test(word))) state.export(...given.map((assignment) => assignment.name), ...operands.flat().map((word) => word.replace(/=.*$/s, "")));
        return true;
      case "cd":
      case "pushd":
        state.go(words[1]?.[0] === "-" ? (state.values.scalars.get("OLDPWD") ?? [""]) : (operands[0] ?? ["${HOME}"]));
        return true;
      case "popd":
        state.go(state.values.scalars.get("OLDPWD") ?? [""]);
        return true;
      case "unset":
      case "read":
      case "mapfile":
      case "readarray":
        for (const [variable = ""] of operands) state.unset(variable);
        return true;
      case "set":
        if (words.some(([word = ""]) => /^-[a-z]*a/.test(word) || word === "allexport")) state.export("*");
        return true;
      case "trap":
        this.trap(words);
        return true;
      case "exit":
      case "return":
        this.ended = true;
        return true;
      default:
        return false;
    }
  }

  private trap(words: readonly Readings[]): void {
    const [action = [], ...signals] = words.slice(1).filter(([word = ""]) => !/^-[lp-]/.test(word));
    if (signals.length > 0) this.traps.push({ signals: signals.map(([signal = ""]) => signalNamed(signal)), action: action.filter((text) => text !== "-" && text !== "") });
  }
}

const splitAssignment = (word: string): [string, string][] => [...word.matchAll(/^([A-Za-z_]\w*)=(.*)$/gs)].map(([, name = "", value = ""]) => [name, value]);

const NUMBERED: Readonly<Record<string, string>> = { 0: "EXIT", 1: "HUP", 2: "INT", 3: "QUIT", 10: "USR1", 12: "USR2", 15: "TERM", 18: "CONT" };

function signalNamed(signal: string): string {
  const name = signal.toUpperCase().replace(/^SIG/, "");
  return NUMBERED[name] ?? name;
}

const bodyOf =
  ({ commands }: CompoundList, way: Way) =>
  (follower: Follower): void => {
    follower.list(commands, way);
  };

/** What a condition asks, as somebody would type it; "" when it is more than one question. */
function questionOf({ commands: [statement, ...others] }: CompoundList): string {
  const command = statement?.command;
  if (others.length > 0) return "";
  if (command?.type === "Command") return command.args.map(({ text }) => text).join(" ");
  return command?.type === "TestCommand" && command.expression.type === "TestUnary" ? `${command.expression.operator} ${command.expression.operand.text}` : "";
}

const TESTS: ReadonlySet<string> = new Set(["[", "test", "grep", "command", "which", "type", "true", "false", "hash", "getent", "mountpoint"]);

function isTest(node: PipelineNode): boolean {
  if (node.type === "Pipeline") return node.prefixes.some(({ type }) => type === "Negation") || node.commands.some(isTest);
  return node.type === "TestCommand" || node.type === "ArithmeticCommand" || (node.type === "Command" && TESTS.has(node.name?.value ?? ""));
}

/** A loop that sleeps between its turns goes on while something else runs. */
function sleepsIn({ commands }: CompoundList): boolean {
  const sleeps = (node: PipelineNode | AndOr): boolean => {
    if (node.type === "Command") return /(^|\/)sleep$/.test(node.name?.value ?? "");
    if (node.type === "AndOr" || node.type === "Pipeline") return node.commands.some(sleeps);
    return (node.type === "BraceGroup" || node.type === "Subshell") && sleepsIn(node.body);
  };
  return commands.some(({ command }) => sleeps(command));
}
