/** holdfast completion: a script for the shell, from the command tree itself. */
import { Argument, Command } from "commander";
import type { Cli } from "../cli";
import { examples } from "../cli";
import type { Shell } from "../completion";
import { completionScript, shells } from "../completion";
import { knownNames, nameKinds, type NameKind } from "../runs/knownNames";
import { UserError } from "../../custody/userError";

export function completionCommand(cli: Cli): Command {
  return new Command("completion")
    .summary("completion script for bash, zsh or fish")
    .description("print a completion script for your shell")
    .addArgument(new Argument("<shell>", "for which shell").choices(shells))
    .addHelpText("after", examples(['eval "$(holdfast completion bash)"', "in ~/.bashrc"], ["holdfast completion fish > ~/.config/fish/completions/holdfast.fish", "once"]))
    .action(
      cli.action((session, [shell]: [Shell], _options, command) => {
        let root: Command = command;
        while (root.parent) root = root.parent;
        session.terminal.stdout.write(completionScript(root, shell));
        return Promise.resolve(undefined);
      }),
    )
    .addCommand(namesCommand(cli), { hidden: true });
}

/** What the scripts ask for while a person types. */
function namesCommand(cli: Cli): Command {
  return new Command("names").addArgument(new Argument("<kind>", "of what").choices(nameKinds)).action(
    cli.action(async (session, [kind]: [NameKind]) => {
      const { openCustody, projectRootFrom } = await import("../../custody/index.js");
      try {
        const names = knownNames(openCustody(projectRootFrom(session.terminal.cwd, session.env)), kind);
        session.terminal.stdout.write(names.map((name) => `${name}\n`).join(""));
      } catch (error) {
        // No project, no store, a broken one: a shell that completes a word is not where to say so.
        if (!(error instanceof UserError)) throw error;
      }
      return undefined;
    }),
  );
}
