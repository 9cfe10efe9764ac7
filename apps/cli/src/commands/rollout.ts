/** `tinyfleet rollout`: follow and steer; rollout-start.ts plans and starts. */
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { integer } from '../arguments.js';
import { ago, percent, state } from '../output/format.js';
import { renderFacts, renderTable } from '../output/output.js';
import { confirm } from './confirm.js';
import { Session, all } from '../session.js';
import { errorOf } from './deployment.js';
import { nextHint, renderReport } from './rollout-report.js';
import { planCommand, startCommand } from './rollout-start.js';
import { countsText, watchRollout } from './rollout-watch.js';

type Rollout = CallOutput<'rolloutGet'>;
export function rolloutCommand(): Command {
  const command = new Command('rollout').description('Move devices to a release, step by step');
  const number = integer('The rollout', 1, 2_147_483_647);

  command.addCommand(planCommand());
  command.addCommand(startCommand());

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
          { header: 'kind', value: (r) => r.kind },
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
      const { words } = await client.call('rolloutReport', { params });
      session.out.one({ ...rollout, devices, shown: words }, () => renderRollout(rollout, shown, words));
      session.out.warn(rollout.warnings);
    });

  command
    .command('report')
    .description('what it has shown: agreement of a shadow, effect of a comparison, evidence of gates')
    .argument('[number]', 'default: the newest', number)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet rollout report 3')
    .action(async (which: number | undefined, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), number: which ?? (await newest(session)) };
      const report = await client.call('rolloutReport', { params });
      session.out.one(report, () => renderReport(report));
      const rollout = await client.call('rolloutGet', { params });
      const hint = rollout.finishedAt === null ? undefined : nextHint(rollout, report.ab);
      if (hint) session.out.hint(hint);
    });

  command
    .command('decisions')
    .description('what was decided and on what evidence, newest first')
    .argument('[number]', 'default: the newest', number)
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 10_000), 50)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet rollout decisions 1')
    .action(async (which: number | undefined, options: { limit: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), number: which ?? (await newest(session)) };
      const items = await all((query) => client.call('rolloutDecisions', { params, query }), options.limit);
      session.out.list(
        items,
        [
          { header: 'when', value: (d) => d.at, text: (d) => ago(d.at) },
          { header: 'by', value: (d) => d.by },
          { header: 'step', value: (d) => d.step + 1 },
          { header: 'decision', value: (d) => d.kind },
          { header: 'why', value: (d) => d.text },
        ],
        'Nothing was decided yet.',
      );
    });

  for (const [verb, route, description] of [
    ['pause', 'rolloutPause', 'stop offering to further devices'],
    ['resume', 'rolloutResume', 'go on'],
    ['abort', 'rolloutAbort', 'end it; devices that have not switched stay where they are'],
  ] as const) {
    const steer = command
      .command(verb)
      .description(description)
      .argument('[number]', 'default: the newest', number);
    if (verb === 'abort') steer.option('--yes', 'do not ask');
    steer
      .addHelpText('after', `\nExample:\n  $ npx tinyfleet rollout ${verb} 1`)
      .action(async (which: number | undefined, options: { yes?: boolean }, self: Command) => {
        const session = Session.of(self);
        const client = await session.client();
        const params = { project: await session.project(), number: which ?? (await newest(session)) };
        if (verb === 'abort')
          await confirm(`End rollout ${params.number} of ${params.project} for good?`, options.yes);
        const rollout = await client.call(route, { params });
        session.out.one(rollout, () => stateLine(rollout));
      });
  }

  for (const [verb, route, description] of [
    ['approve', 'rolloutApprove', 'say yes to its start or next step, which somebody else wants'],
    ['skip', 'rolloutSkip', 'go to the next step without waiting for this one'],
    ['retry', 'rolloutRetry', 'offer it once more to devices that failed or fell silent'],
  ] as const)
    command
      .command(verb)
      .description(description)
      .argument('[number]', 'default: the newest', number)
      .option('--reason <text>', 'why, for the log', '')
      .addHelpText('after', `\nExample:\n  $ npx tinyfleet rollout ${verb} 1 --reason "seen and fine"`)
      .action(async (which: number | undefined, { reason }: { reason: string }, self: Command) => {
        const session = Session.of(self);
        const client = await session.client();
        const params = { project: await session.project(), number: which ?? (await newest(session)) };
        const rollout = await client.call(route, { params, body: { reason } });
        session.out.one(rollout, () => stateLine(rollout));
      });

  command
    .command('rollback')
    .description(
      'bring its devices back to the version before: a message, no download where the slot is kept',
    )
    .argument('[number]', 'default: the newest', number)
    .option('--type <type>', 'only devices of this type; the rest goes on')
    .option('--site <site>', 'only devices at this site; the rest goes on')
    .option('--reason <text>', 'why, for the log', '')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet rollout rollback 1 --type m0 --reason "too slow"')
    .action(
      async (
        which: number | undefined,
        options: { type?: string; site?: string; reason: string; yes?: boolean },
        self: Command,
      ) => {
        const session = Session.of(self);
        const client = await session.client();
        const params = { project: await session.project(), number: which ?? (await newest(session)) };
        await confirm(`Take rollout ${params.number} of ${params.project} back?`, options.yes);
        const { type, site, reason } = options;
        const body = { reason, ...(type && { deviceType: type }), ...(site !== undefined && { site }) };
        const rollout = await client.call('rolloutRollback', { params, body });
        session.out.one(rollout, () => stateLine(rollout));
        session.out.hint('Next: npx tinyfleet rollout watch');
      },
    );

  return command;
}

const stateLine = (rollout: Rollout): string =>
  `${state(rollout.state)}  rollout ${rollout.number}: ${rollout.reason}`;

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
  words: readonly string[],
): string {
  const parts = [
    renderFacts([
      ['rollout', rollout.number],
      ...(rollout.kind === 'update' ? [] : [['kind', rollout.kind] satisfies [string, string]]),
      ['release', rollout.release],
      ['state', state(rollout.state)],
      ['reason', rollout.reason],
      ['devices', `${rollout.deviceCount} with ${rollout.filter}`],
      ['steps', rollout.steps.map((s, i) => (i === rollout.step ? pc.bold(`${s} %`) : `${s} %`)).join(', ')],
      ['counts', countsText(rollout.counts)],
      ...gateFacts(rollout),
      ...(rollout.kind === 'shadow' ? words : []).map((text): [string, string] => ['shown', text]),
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
        { header: 'error', value: errorOf },
        { header: 'updated', value: (d) => d.updatedAt, text: (d) => ago(d.updatedAt) },
      ]),
    );
  return parts.join('\n\n');
}

/** The evidence of the present step's gates, and what they still need. */
function gateFacts({ gates }: Rollout): [string, string][] {
  if (gates === null) return [];
  const told = gates.findings.filter(({ segment, outcome }) => segment === null || outcome === 'fail');
  return [
    ['gates', `${state(gates.outcome)}  ${gates.words}`],
    ...told.map(({ metric, outcome, words }): [string, string] => [
      `  ${metric}`,
      `${state(outcome)}  ${words}`,
    ]),
    ...gates.needs.map((need): [string, string] => ['  needs', need]),
  ];
}
