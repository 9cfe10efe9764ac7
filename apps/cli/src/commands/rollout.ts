/** `tinyfleet rollout`: start, follow and steer. */
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { integer, percentSteps, releaseRef } from '../arguments.js';
import { ago, percent, plural, state } from '../output/format.js';
import { renderFacts, renderTable } from '../output/output.js';
import { confirm } from './confirm.js';
import { Session, all } from '../session.js';
import { countsText, watchRollout } from './rollout-watch.js';

type Rollout = CallOutput<'rolloutGet'>;
interface StartOptions {
  to: string;
  steps: number[];
  maxFailures: number;
  deviceTimeout: number;
  watch?: boolean;
}

export function rolloutCommand(): Command {
  const command = new Command('rollout').description('Move devices to a release, step by step');
  const number = integer('The rollout', 1, 2_147_483_647);

  command
    .command('start')
    .description('start a rollout')
    .argument('<name@version>', 'a signed release')
    .requiredOption('--to <filter>', `devices, such as 'tag = "demo"'`)
    .option('--steps <percents>', 'cumulative, such as 10%,50%,100%', percentSteps, [100])
    .option('--max-failures <percent>', 'of a step, before it pauses', integer('--max-failures', 0, 100), 5)
    .option(
      '--device-timeout <seconds>',
      'a device silent for longer has failed',
      integer('--device-timeout', 10, 604_800),
      600,
    )
    .option('--watch', 'follow it to its end')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet rollout start kws@1.1.0 --to 'tag = "demo"'
  $ npx tinyfleet rollout start kws@1.1.0 --to 'site = "hall-3"' --steps 10%,50%,100% --watch`,
    )
    .action(async (release: string, options: StartOptions, self: Command) => {
      const session = Session.of(self);
      releaseRef(release);
      const client = await session.client();
      const rollout = await client.call('rolloutCreate', {
        params: { project: await session.project() },
        body: {
          release,
          filter: options.to,
          steps: options.steps,
          maxFailurePercent: options.maxFailures,
          deviceTimeoutSeconds: options.deviceTimeout,
        },
      });
      if (options.watch === true) return watchRollout(session, rollout.number);
      session.out.one(
        rollout,
        () =>
          `${pc.green('started')}  rollout ${rollout.number}: ${rollout.release} to ${plural(rollout.deviceCount, 'device')}` +
          (rollout.steps.length > 1 ? ` in steps of ${rollout.steps.map((s) => `${s} %`).join(', ')}` : ''),
      );
      session.out.hint('Next: npx tinyfleet rollout watch');
    });

  command
    .command('watch')
    .description('follow a rollout to its end: exit code 0 when it succeeded')
    .argument('[number]', 'default: the newest', number)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet rollout watch')
    .action(async (which: number | undefined, _options, self: Command) => {
      const session = Session.of(self);
      await watchRollout(session, which ?? (await newest(session)));
    });

  command
    .command('list')
    .description('rollouts, newest first')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet rollout list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const items = await all((query) => client.call('rolloutList', { params: { project }, query }));
      session.out.list(
        items,
        [
          { header: 'number', value: (r) => r.number },
          { header: 'release', value: (r) => r.release },
          { header: 'state', value: (r) => r.state, text: (r) => state(r.state) },
          { header: 'devices', value: (r) => r.deviceCount },
          { header: 'active', value: (r) => r.counts.active ?? 0 },
          { header: 'filter', value: (r) => r.filter },
          { header: 'started', value: (r) => r.createdAt, text: (r) => ago(r.createdAt) },
        ],
        `No rollouts yet. npx tinyfleet rollout start NAME@VERSION --to 'tag = "demo"'`,
      );
    });

  command
    .command('show')
    .description('one rollout and its devices that are not active')
    .argument('[number]', 'default: the newest', number)
    .option('--all', 'every device')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet rollout show 1')
    .action(async (which: number | undefined, options: { all?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), number: which ?? (await newest(session)) };
      const rollout = await client.call('rolloutGet', { params });
      const devices = await all((query) => client.call('rolloutDeployments', { params, query }));
      const shown = options.all === true ? devices : devices.filter((d) => d.state !== 'active');
      session.out.one({ ...rollout, devices }, () => renderRollout(rollout, shown));
    });

  for (const [verb, route, description] of [
    ['pause', 'rolloutPause', 'stop offering to further devices'],
    ['resume', 'rolloutResume', 'go on'],
    ['abort', 'rolloutAbort', 'end it; devices that have not switched stay where they are'],
  ] as const) {
    const change = command.command(verb).description(description);
    if (verb === 'abort') change.option('--yes', 'do not ask');
    change
      .argument('[number]', 'default: the newest', number)
      .addHelpText('after', `\nExample:\n  $ npx tinyfleet rollout ${verb} 1`)
      .action(async (which: number | undefined, options: { yes?: boolean }, self: Command) => {
        const session = Session.of(self);
        const client = await session.client();
        const params = { project: await session.project(), number: which ?? (await newest(session)) };
        if (verb === 'abort')
          await confirm(`End rollout ${params.number} of ${params.project} for good?`, options.yes);
        const rollout = await client.call(route, { params });
        session.out.one(
          rollout,
          () => `${state(rollout.state)}  rollout ${rollout.number}: ${rollout.reason}`,
        );
      });
  }

  return command;
}

async function newest(session: Session): Promise<number> {
  const client = await session.client();
  const project = await session.project();
  const { items } = await client.call('rolloutList', { params: { project }, query: { limit: 1 } });
  const [first] = items;
  if (first === undefined)
    throw new FleetError('cli.usage', { reason: `Project ${project} has no rollout yet.` });
  return first.number;
}

function renderRollout(
  rollout: Rollout,
  devices: ReadonlyArray<CallOutput<'rolloutDeployments'>['items'][number]>,
): string {
  const parts = [
    renderFacts([
      ['rollout', rollout.number],
      ['release', rollout.release],
      ['state', state(rollout.state)],
      ['reason', rollout.reason],
      ['devices', `${rollout.deviceCount} with ${rollout.filter}`],
      ['steps', rollout.steps.map((s, i) => (i === rollout.step ? pc.bold(`${s} %`) : `${s} %`)).join(', ')],
      ['counts', countsText(rollout.counts)],
      ['started', `${ago(rollout.createdAt)} by ${rollout.createdBy}`],
    ]),
  ];
  if (devices.length > 0)
    parts.push(
      renderTable(devices, [
        { header: 'device', value: (d) => d.device },
        { header: 'state', value: (d) => d.state, text: (d) => state(d.state) },
        { header: 'step', value: (d) => d.step + 1 },
        {
          header: 'fetched',
          value: (d) => d.offset,
          text: (d) => (d.bytes > 0 ? percent(d.offset / d.bytes) : '-'),
        },
        {
          header: 'error',
          value: (d) => (d.errorCode === null ? null : `${d.errorTitle ?? ''} (${d.errorCode})`),
        },
        { header: 'updated', value: (d) => d.updatedAt, text: (d) => ago(d.updatedAt) },
      ]),
    );
  return parts.join('\n\n');
}
