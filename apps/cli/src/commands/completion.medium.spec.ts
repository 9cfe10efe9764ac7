/** Completion scripts know the whole command tree; bash itself runs its own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { createProgram } from '../program.js';
import { completionScript } from './completion.js';

const complete = async (line: string): Promise<string[]> => {
  const script = `${completionScript('bash', createProgram())}
read -ra COMP_WORDS <<< "$LINE"; [[ "$LINE" == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _tinyfleet; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script], {
    env: { ...process.env, LINE: line },
  });
  return stdout.split('\n').filter(Boolean);
};

describe('completion', () => {
  it('should complete commands, subcommands and options in bash', async () => {
    expect(await complete('tinyfleet webh')).toEqual(['webhook']);
    expect(await complete('tinyfleet webhook re')).toEqual(['replay']);
    expect(await complete('tinyfleet webhook replay ops --f')).toEqual(['--from']);
    expect(await complete('tinyfleet --project p device imp')).toEqual(['import', 'imports']);
    expect(await complete('tinyfleet device import --o')).toEqual(['--on-conflict', '--output']);
  });

  it('should name every command in every shell', () => {
    const program = createProgram();
    for (const shell of ['bash', 'zsh', 'fish'] as const) {
      const script = completionScript(shell, program);
      for (const command of program.commands) expect(script).toContain(command.name());
    }
  });
});
