/** holdfast completion: a script for the shell, from the command tree itself. */
import { Argument, Command } from "commander";
import type { Cli } from "../cli";
import { examples } from "../cli";
import type { Shell } from "../completion";
import { completionScript, shells } from "../completion";

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
    );
}
