/** `tinyfleet alert`: what moved, who looks at it, and where it is told. */
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { duration, integer } from '../arguments.js';
import { ago, state } from '../output/format.js';
import { renderFacts, renderTable } from '../output/output.js';
import { Session, all } from '../session.js';
import { alertRouteCommand } from './alert-route.js';

type Alert = CallOutput<'alertAcknowledge'>;
type Detail = CallOutput<'alertGet'>;
interface ListOptions {
  readonly state?: Alert['state'];
  readonly kind?: Alert['kind'];
  readonly severity?: Alert['severity'];
  readonly model?: string;
  readonly limit: number;
}
const number = integer('the number', 1, 2_147_483_647);

export function alertCommand(): Command {
  const command = new Command('alert').description('What moved: read it, take it on, close it');

  command
    .command('list')
    .description('alerts, newest first')
    .option('--state <state>', 'open, acknowledged, muted or resolved')
    .option('--kind <kind>', 'drift, silence, revoked or away')
    .option('--severity <severity>', 'warning or critical')
    .option('--model <name>', 'of this model only')
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 100_000), 100)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet alert list --state open')
    .action(async ({ limit, ...query }: ListOptions, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const items = await all(
        (page) => client.call('alertList', { params, query: { ...query, ...page } }),
        limit,
      );
      session.out.list(
        items,
        [
          { header: 'number', value: (a) => a.number },
          { header: 'state', value: (a) => a.state, text: (a) => state(a.state) },
          { header: 'severity', value: (a) => a.severity },
          { header: 'what', value: (a) => a.title },
          { header: 'model', value: (a) => a.model },
          { header: 'since', value: (a) => a.openedAt, text: (a) => ago(a.openedAt) },
          { header: 'owner', value: (a) => a.owner },
        ],
        'No alerts. npx tinyfleet quality status says what is watched.',
      );
    });

  command
    .command('show')
    .description('one alert with its evidence and what was done')
    .argument('<number>', 'of `alert list`', number)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet alert show 3')
    .action(async (alert: number, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), alert };
      const detail = await client.call('alertGet', { params });
      session.out.one(detail, () => whole(detail));
    });

  command
    .command('acknowledge')
    .description('look at it: it escalates no more')
    .argument('<number>', 'of `alert list`', number)
    .option('--owner <who>', 'who looks at it; default: you')
    .option('--note <text>', 'for its log', '')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet alert acknowledge 3 --note "on my way"')
    .action(async (alert: number, options: { owner?: string; note: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), alert };
      const changed = await client.call('alertAcknowledge', { params, body: options });
      session.out.one(changed, () => facts(changed));
    });

  command
    .command('resolve')
    .description('it is over, or what it moved to is healthy from now on')
    .argument('<number>', 'of `alert list`', number)
    .option('--accept', 'what it moved to is healthy: judge it against that')
    .option('--note <text>', 'for its log', '')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet alert resolve 3 --accept --note "new mount"')
    .action(async (alert: number, options: { accept?: boolean; note: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), alert };
      const body = { accept: options.accept === true, note: options.note };
      const changed = await client.call('alertResolve', { params, body });
      session.out.one(changed, () => facts(changed));
    });

  command
    .command('mute')
    .description('tell nobody of it for a while')
    .argument('<number>', 'of `alert list`', number)
    .requiredOption('--for <time>', 'such as 4h or 7d', duration('--for', 60, 7_776_000))
    .option('--note <text>', 'for its log', '')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet alert mute 3 --for 2d')
    .action(async (alert: number, options: { for: number; note: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), alert };
      const body = { seconds: options.for, note: options.note };
      const changed = await client.call('alertMute', { params, body });
      session.out.one(changed, () => facts(changed));
    });

  command
    .command('comment')
    .description('note something in its log')
    .argument('<number>', 'of `alert list`', number)
    .argument('<text>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet alert comment 3 "the fan was replaced"')
    .action(async (alert: number, text: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), alert };
      const detail = await client.call('alertComment', { params, body: { text } });
      session.out.one(detail, () => whole(detail));
    });

  command.addCommand(alertRouteCommand());
  return command;
}

const facts = (alert: Alert): string =>
  renderFacts([
    ['alert', `${alert.number}  ${pc.bold(alert.title)}`],
    ['state', state(alert.state)],
    ['severity', alert.severity],
    ['who', alert.subject],
    ['model', alert.model],
    ['since', ago(alert.openedAt)],
    ['seen', `${alert.times} times, last ${ago(alert.lastSeenAt)}`],
    ['came back', alert.reopened > 0 ? `${alert.reopened} times` : null],
    ['owner', alert.owner],
    ['muted until', alert.mutedUntil],
    ['resolved', alert.resolvedAt === null ? null : `${ago(alert.resolvedAt)} by ${alert.resolvedBy}`],
  ]);

function whole(detail: Detail): string {
  const { evidence, log, deliveries, actions, links } = detail;
  const { baseline } = evidence;
  return [
    facts(detail),
    renderFacts([
      ['changed', evidence.changedAt],
      ['devices', `${evidence.deviceCount}: ${evidence.devices.slice(0, 8).join(' ')}`],
      [
        'judged against',
        evidence.judgedAgainst || (baseline && `${baseline.number}: ${baseline.from} to ${baseline.to}`),
      ],
      ['ARL0', evidence.arl0 === null ? null : `${Math.round(evidence.arl0)} rounds`],
      ['evidence', links.evidence],
      ['formula', links.formula],
    ]),
    ...(evidence.statements.length > 0 ? [evidence.statements.map((one) => `- ${one}`).join('\n')] : []),
    ...(evidence.shifts.length > 0
      ? [
          renderTable(evidence.shifts, [
            { header: 'moved', value: (s) => s.stream },
            { header: 'by', value: (s) => Number(s.shift.toFixed(3)) },
            { header: 'windows', value: (s) => s.windows },
            { header: 'score', value: (s) => Number(s.score.toFixed(1)) },
          ]),
        ]
      : []),
    ...actions.map(({ action, state: is, text }) => `${state(is)}  ${action}: ${text}`),
    ...deliveries.map(
      ({ route, event, state: is, error }) =>
        `${state(is)}  ${event} to ${route}${error ? `: ${error}` : ''}`,
    ),
    log.map(({ at, by, what, text }) => `${at}  ${what} by ${by}${text ? `: ${text}` : ''}`).join('\n'),
  ].join('\n\n');
}
