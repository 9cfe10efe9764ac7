/** The command tree: help for every command, errors and exit codes. */
import { describe, expect, it } from '@jest/globals';
import { RUNNERS } from '@tinyfleet/firmware';
import type { Command } from 'commander';
import { ApiError } from '@tinyfleet/contracts';
import { FleetError, errorEntry, errors } from '@tinyfleet/errors';
import { failureOf, renderFailure } from './errors.js';
import { RUNNER_NAMES } from './commands/simulate.js';
import { createProgram } from './program.js';

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

/** With what `addHelpText` adds. */
function help(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

describe('commands', () => {
  const program = createProgram();

  it('should describe every command and argument', () => {
    for (const command of leaves(program)) {
      expect(command.description()).not.toBe('');
      for (const option of command.options) expect(`${command.name()} ${option.flags}`).toContain('--');
    }
  });

  it('should show an example in the help of every command', () => {
    const without = leaves(program).filter((command) => !help(command).includes('$ '));
    expect(without.map((command) => command.name())).toEqual([]);
  });

  it('should start every printed command with npx tinyfleet or npm', () => {
    for (const command of [program, ...leaves(program)]) {
      for (const match of help(command).matchAll(/^\s+\$ (.*)$/gm))
        expect(match[1]).toMatch(/(^|\| )(npx tinyfleet|npm start)/);
    }
  });

  it('should offer every kind of device that the simulator can run', () => {
    expect(RUNNER_NAMES).toEqual(['wasm', ...RUNNERS.map(({ name }) => name)]);
  });

  it('should have the commands of the README', () => {
    const names = program.commands.map((c) => c.name());
    for (const name of [
      'up',
      'model',
      'build',
      'release',
      'rollout',
      'device',
      'simulate',
      'setup-link',
      'demo',
      'config',
    ])
      expect(names).toContain(name);
  });
});

/** The last command of a printed line, e.g. `device list` of `npx tinyfleet device list --filter x`. */
function commandOf(program: Command, words: string[]): Command | undefined {
  let command = program;
  for (const word of words) {
    if (!/^[a-z][a-z-]*$/.test(word) || command.commands.length === 0) break;
    const next = command.commands.find((c) => c.name() === word);
    // A group with an argument of its own, such as `build kws`.
    if (next === undefined) return command.registeredArguments.length > 0 ? command : undefined;
    command = next;
  }
  return command === program ? undefined : command;
}

describe('commands that errors name', () => {
  const program = createProgram();
  const named = Object.entries(errors).flatMap(([code, { text, hint }]) =>
    [...`${text} ${hint}`.matchAll(/npx tinyfleet((?: [^\s`]+)+)/g)].map((match) => ({
      code,
      words: (match[1] ?? '').trim().split(' '),
    })),
  );

  it('should exist', () => {
    const missing = named.filter(
      ({ words }) => words[0] !== 'help' && commandOf(program, words) === undefined,
    );
    expect(named.length).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  });
});

describe('failures', () => {
  it('should take exit codes from the registry', () => {
    expect(failureOf(new FleetError('cli.no-context'))).toMatchObject({
      exitCode: errorEntry('cli.no-context').exit,
    });
    expect(failureOf(new ApiError(404, 'releases.not-found', 'No.', 'Look.'))).toMatchObject({
      exitCode: errorEntry('releases.not-found').exit,
      hint: 'Look.',
    });
    expect(failureOf(new ApiError(409, 'later.code', 'No.')).exitCode).toBe(5);
    expect(failureOf(new TypeError('x')).exitCode).toBe(70);
  });

  it('should print what happened, the code, the issues and what to do', () => {
    const text = renderFailure({
      message: 'The request is invalid.',
      code: 'server.invalid-request',
      hint: 'Compare it.',
      exitCode: 2,
      data: { issues: [{ path: ['body', 'name'], message: 'too long' }] },
    });
    expect(text).toContain('The request is invalid.');
    expect(text).toContain('server.invalid-request');
    expect(text).toContain('body.name: too long');
    expect(text).toContain('Compare it.');
  });
});
