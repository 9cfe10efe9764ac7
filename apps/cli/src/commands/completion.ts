/** `tinyfleet completion`: a script for bash, zsh or fish, made of the command tree, so it knows every option there is. */
import { Argument, Command } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** What may follow a chain of commands: `device add` -> its options, `device` -> its subcommands. */
type Words = ReadonlyMap<string, readonly string[]>;

export function completionCommand(): Command {
  return new Command('completion')
    .description('print a completion script for your shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet completion bash > ~/.local/share/bash-completion/completions/tinyfleet
  $ npx tinyfleet completion zsh > "\${fpath[1]}/_tinyfleet"
  $ npx tinyfleet completion fish > ~/.config/fish/completions/tinyfleet.fish`,
    )
    .action((shell: Shell, _options, self: Command) => {
      let root: Command = self;
      while (root.parent) root = root.parent;
      process.stdout.write(completionScript(shell, root));
    });
}

export function completionScript(shell: Shell, root: Command): string {
  const words = wordsOf(root);
  switch (shell) {
    case 'bash':
      return bash(words);
    case 'zsh':
      return `#compdef tinyfleet\nautoload -U +X bashcompinit && bashcompinit\n${bash(words)}`;
    case 'fish':
      return fish(words);
  }
}

function wordsOf(root: Command): Words {
  const words = new Map<string, readonly string[]>();
  const global = optionsOf(root);
  const walk = (command: Command, path: readonly string[]) => {
    words.set(path.join(' '), [
      ...visible(command).map((child) => child.name()),
      ...(path.length === 0 ? [] : optionsOf(command)),
      ...global,
      '--help',
    ]);
    for (const child of visible(command)) walk(child, [...path, child.name()]);
  };
  walk(root, []);
  return words;
}

/** As the help shows them. */
const visible = (command: Command): Command[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help');
const optionsOf = (command: Command): string[] =>
  command.options.flatMap(({ long }) => (typeof long === 'string' ? [long] : []));

/**
 * The longest chain of words before the cursor that is a command; options and their values between are passed over. What is
 * neither a command nor an option is asked for: it may be a name that only the server knows.
 */
function bash(words: Words): string {
  const cases = [...words].map(([path, list]) => `    '${path}') words='${list.join(' ')}' ;;`).join('\n');
  return `_tinyfleet() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' names i
  _tinyfleet_words() {
    case "$1" in
${cases.replaceAll('\n', '\n    ').replace(/^/, '    ')}
      *) return 1 ;;
    esac
  }
  for ((i = 1; i < COMP_CWORD; i++)); do
    if _tinyfleet_words "\${path:+$path }\${COMP_WORDS[i]}"; then path="\${path:+$path }\${COMP_WORDS[i]}"; fi
  done
  _tinyfleet_words "$path"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ "$current" != -* && ( "\${COMPREPLY[0]:---}" == -* || "\${COMP_WORDS[COMP_CWORD - 1]}" == --* ) ]]; then
    names=()
    while IFS= read -r i; do names+=("$i"); done < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
    if ((\${#names[@]} > 0)); then COMPREPLY=("\${names[@]}"); fi
  fi
}
complete -o default -F _tinyfleet tinyfleet
`;
}

function fish(words: Words): string {
  const lines = [...words].flatMap(([path, list]) => {
    const parts = path === '' ? [] : path.split(' ');
    const condition = [
      ...parts.map((part) => `__fish_seen_subcommand_from ${part}`),
      ...(parts.length === 0 ? ['__fish_use_subcommand'] : []),
    ].join('; and ');
    return list.map((word) =>
      word.startsWith('--')
        ? `complete -c tinyfleet -n '${condition}' -l ${word.slice(2)}`
        : `complete -c tinyfleet -f -n '${condition}' -a ${word}`,
    );
  });
  const names =
    "complete -c tinyfleet -f -a '(tinyfleet complete -- (commandline -opc)[2..] (commandline -ct) 2> /dev/null)'";
  return `${[...lines, names].join('\n')}\n`;
}
