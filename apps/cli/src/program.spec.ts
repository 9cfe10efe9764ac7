/** The command tree: help for every command, errors and exit codes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { RUNNERS } from '@tinyfleet/firmware';
import type { Command } from 'commander';
import { ApiError } from '@tinyfleet/contracts';
import { FleetError, errorEntry, errors } from '@tinyfleet/errors';
import { failureOf, renderFailure } from './errors.js';
import { EXIT_CODES } from './exit-codes.js';
import { workspaceRoot } from './paths.js';
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

/** A status beside these is of the server: 500 and the like tell little to a script. */
const EXITS_OF_STATUS: Readonly<Record<number, readonly number[]>> = {
  400: [2, 6, 8],
  401: [3],
  403: [3],
  404: [4, 8],
  408: [7],
  // 1: what was asked for has ended otherwise, such as a rollout.
  409: [5, 1],
  410: [5],
  412: [5],
  413: [6],
  415: [2],
  422: [6, 2, 1, 8],
  429: [7],
  499: [130],
  502: [7],
  503: [7, 8],
  504: [7],
};

/** Verbs after which something is gone, or no longer works. */
const DESTRUCTIVE = /^(remove|delete|revoke|retire|reject|abort|suspend|disable)$/;

describe('commands', () => {
  const program = createProgram();

  it('should describe every command and option', () => {
    for (const command of [program, ...leaves(program)]) {
      expect([command.name(), command.description()]).not.toContain('');
      const without = command.options.filter(({ long, description }) => !long || !description);
      expect(without.map(({ flags }) => `${command.name()} ${flags}`)).toEqual([]);
    }
  });

  it('should ask before anything is destroyed, and take --yes', () => {
    const destructive = leaves(program).filter((command) => DESTRUCTIVE.test(command.name()));
    expect(destructive.length).toBeGreaterThan(15);
    const unasked = destructive.filter(({ options }) => !options.some(({ long }) => long === '--yes'));
    expect(unasked.map((command) => `${command.parent?.name()} ${command.name()}`)).toEqual([]);
  });

  it('should show examples of its own in the help of every command', () => {
    const path = (command: Command): string =>
      command.parent === null ? command.name() : `${path(command.parent)} ${command.name()}`;
    const without = leaves(program).filter((command) => {
      const [, examples = ''] = help(command).split(/^Examples?:\n/m);
      return ![path(command), 'npm start'].some(
        (own) => examples.includes(`$ ${own}`) || examples.includes(`| ${own}`),
      );
    });
    expect(without.map(path)).toEqual([]);
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

describe('exit codes', () => {
  const documented = [
    ...readFileSync(join(workspaceRoot, 'docs/cli.md'), 'utf8').matchAll(/^\| +(\d+) \|/gm),
  ];

  it('should be those of docs/cli.md', () => {
    expect(documented.map((match) => match[1])).toEqual(Object.keys(EXIT_CODES));
    expect(help(createProgram())).toContain('6 input refused');
  });

  it.each(Object.entries(errors))('should mean what the status means: %s', (_code, { status, exit }) => {
    expect(exit in EXIT_CODES).toBe(true);
    const allowed = EXITS_OF_STATUS[status];
    if (allowed) expect(allowed).toContain(exit);
    else expect(status).toBeGreaterThanOrEqual(500);
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
