/** `tinyfleet quality status|baseline|settings`: what drift is judged by, and how far it has been judged. */
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import { duration, instant, integer, usage } from '../arguments.js';
import { ago, state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';

type Settings = CallOutput<'qualitySettingsGet'>;
interface SetOptions {
  readonly budget?: string;
  readonly round?: number;
  readonly watermark?: number;
  readonly settle?: number;
  readonly season?: Settings['season'];
  readonly learn?: number;
  readonly conditionBy?: string;
  readonly calm?: number;
  readonly escalateAfter?: number;
  readonly reopenWithin?: number;
  readonly revokedAfter?: number | 'never';
  readonly owner?: string;
  readonly rule?: string[];
}

/** Commands of drift, below `quality`. */
export const driftCommands = (): Command[] => [statusCommand(), baselineCommand(), settingsCommand()];

function statusCommand(): Command {
  return new Command('status')
    .description('what is watched, and how far it has been judged')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet quality status')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('qualityWatchList', {
        params: { project: await session.project() },
      });
      session.out.list(
        items,
        [
          { header: 'model', value: (w) => w.model },
          { header: 'part', value: (w) => w.part },
          { header: 'state', value: (w) => w.state, text: (w) => state(w.state) },
          { header: 'devices', value: (w) => w.devices },
          { header: 'streams', value: (w) => w.streamCount },
          { header: 'judged against', value: (w) => w.judgedAgainst },
          { header: 'ARL0', value: (w) => Math.round(w.arl0) },
          { header: 'judged until', value: (w) => w.judgedUntil, text: (w) => ago(w.judgedUntil) },
          { header: 'too late', value: (w) => w.tooLate },
          { header: 'reason', value: (w) => w.reason },
        ],
        'Nothing is watched. npx tinyfleet quality baseline declare --from 5d --to 1h',
      );
    });
}

function baselineCommand(): Command {
  const command = new Command('baseline').description('Periods that were declared healthy');
  command
    .command('declare')
    .description('judge everything against this period from now on')
    .requiredOption('--from <time>', 'such as 2026-01-31T12:00:00Z, or 5d ago', instant('--from'))
    .requiredOption('--to <time>', 'its end', instant('--to'))
    .option('--note <text>', 'why it is healthy', '')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet quality baseline declare --from 5d --to 1h')
    .action(async (body: { from: string; to: string; note: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const made = await client.call('qualityBaselineDeclare', { params, body });
      session.out.one(made, () =>
        renderFacts([
          ['baseline', made.number],
          ['from', made.from],
          ['to', made.to],
          ['note', made.note],
        ]),
      );
      session.out.hint('What comes of it: npx tinyfleet quality status');
    });
  command
    .command('list')
    .description('newest first')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet quality baseline list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const items = await all((query) => client.call('qualityBaselineList', { params, query }));
      session.out.list(
        items,
        [
          { header: 'number', value: (b) => b.number },
          { header: 'state', value: (b) => (b.inForce ? 'in force' : 'replaced') },
          { header: 'from', value: (b) => b.from },
          { header: 'to', value: (b) => b.to },
          { header: 'by', value: (b) => b.declaredBy },
          { header: 'note', value: (b) => b.note },
        ],
        'No period was declared healthy. npx tinyfleet quality baseline declare --from 5d --to 1h',
      );
    });
  return command;
}

function settingsCommand(): Command {
  const command = new Command('settings').description('What drift is judged by');
  command
    .command('show')
    .description('budget, rounds, escalation, rules')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet quality settings show')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const settings = await client.call('qualitySettingsGet', {
        params: { project: await session.project() },
      });
      session.out.one(settings, () => facts(settings));
    });
  command
    .command('set')
    .description('change what is named')
    .option('--budget <words>', 'such as "at most one false page a week"')
    .option(
      '--round <time>',
      'length of a round; 0: the window of the project',
      duration('--round', 0, 86_400),
    )
    .option('--watermark <rounds>', 'how late a window may be', integer('--watermark', 0, 100))
    .option('--settle <time>', 'how long a round waits after its end', duration('--settle', 0, 3_600))
    .option('--season <season>', 'day or week')
    .option(
      '--learn <rounds>',
      'first rounds that teach a watch without a declared period; a day at least',
      integer('--learn', 24, 2_000),
    )
    .option('--condition-by <attribute>', 'compare only devices that share it; empty: all')
    .option('--calm <rounds>', 'after which an alert resolves itself', integer('--calm', 1, 1_000))
    .option('--escalate-after <minutes>', '0: never', integer('--escalate-after', 0, 43_200))
    .option(
      '--reopen-within <minutes>',
      'an alert that comes back is the same; 0: a new one',
      integer('--reopen-within', 0, 43_200),
    )
    .option(
      '--revoked-after <minutes>',
      'that devices have to leave a revoked release; never: no alert',
      (text) => (text === 'never' ? text : integer('--revoked-after', 0, 43_200)(text)),
    )
    .option('--owner <who>', 'of new alerts; empty: nobody')
    .option('--rule <rule...>', 'such as verdict=pre-processing:hold-rollout,request-samples; none: no rules')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet quality settings set --budget "at most two false pages a month"',
    )
    .action(async (options: SetOptions, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const now = await client.call('qualitySettingsGet', { params });
      const settings = await client.call('qualitySettingsPut', {
        params,
        body: { ...now, ...changes(options) },
      });
      session.out.one(settings, () => facts(settings));
    });
  return command;
}

function changes(given: SetOptions): Partial<Settings> {
  const { budget, round, watermark, settle, season, learn, conditionBy, calm, owner, rule } = given;
  const { escalateAfter, reopenWithin, revokedAfter } = given;
  return {
    ...(budget === undefined ? {} : { budget }),
    ...(round === undefined ? {} : { roundSeconds: round === 0 ? null : round }),
    ...(watermark === undefined ? {} : { watermarkRounds: watermark }),
    ...(settle === undefined ? {} : { settleSeconds: settle }),
    ...(season === undefined ? {} : { season }),
    ...(learn === undefined ? {} : { learnRounds: learn }),
    ...(conditionBy === undefined ? {} : { conditionBy: conditionBy === '' ? null : conditionBy }),
    ...(calm === undefined ? {} : { calmRounds: calm }),
    ...(escalateAfter === undefined
      ? {}
      : { escalateAfterMinutes: escalateAfter === 0 ? null : escalateAfter }),
    ...(reopenWithin === undefined ? {} : { reopenMinutes: reopenWithin === 0 ? null : reopenWithin }),
    ...(revokedAfter === undefined
      ? {}
      : { revokedAfterMinutes: revokedAfter === 'never' ? null : revokedAfter }),
    ...(owner === undefined ? {} : { owner: owner === '' ? null : owner }),
    ...(rule === undefined ? {} : { rules: rule.includes('none') ? [] : rule.map(ruleOf) }),
  };
}

/** `verdict=sensor,scope=device:request-samples`: conditions, then actions; the server checks the words. */
function ruleOf(text: string): Settings['rules'][number] {
  const [conditions = '', actions = '', ...rest] = text.split(':');
  if (actions === '' || rest.length > 0)
    usage(`"${text}" is no rule, such as verdict=sensor:request-samples.`);
  const pairs = conditions.split(',').filter(Boolean);
  return {
    severity: 'warning',
    ...Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string])),
    actions: actions.split(','),
  } as Settings['rules'][number];
}

const facts = (settings: Settings): string =>
  renderFacts([
    ['budget', settings.budget],
    ['round', settings.roundSeconds === null ? "the project's window" : `${settings.roundSeconds} s`],
    ['watermark', `${settings.watermarkRounds} rounds`],
    ['settle', `${settings.settleSeconds} s`],
    ['season', settings.season],
    ['learns from', `${settings.learnRounds} rounds and a day, when no period is declared`],
    ['conditioned by', settings.conditionBy],
    ['calm after', `${settings.calmRounds} rounds`],
    [
      'escalates after',
      settings.escalateAfterMinutes === null ? 'never' : `${settings.escalateAfterMinutes} min`,
    ],
    ['same alert within', settings.reopenMinutes === null ? 'never' : `${settings.reopenMinutes} min`],
    [
      'revoked releases',
      settings.revokedAfterMinutes === null ? 'no alert' : `after ${settings.revokedAfterMinutes} min`,
    ],
    ['owner', settings.owner],
    ...settings.rules.map(({ actions, ...rule }): [string, string] => [
      'rule',
      `${Object.entries(rule)
        .map(([key, value]) => `${key}=${value}`)
        .join(',')}: ${actions.join(', ')}`,
    ]),
  ]);
