/** A change of many devices: counted, confirmed by the count, then done, unless the count has changed meanwhile. */
import type { CallInput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { usage } from '../arguments.js';
import { plural } from '../output/format.js';
import type { Session } from '../session.js';
import { confirm } from './confirm.js';
import { followAction, showAction } from './device-actions.js';

export type BulkChangeInput = CallInput<'deviceBulkAction'>['body']['change'];

interface Bulk {
  readonly name: string | undefined;
  readonly filter?: string;
  readonly change: BulkChangeInput;
  /** The verb of the question. */
  readonly what: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export async function runBulk(session: Session, bulk: Bulk): Promise<void> {
  const { name, change, what } = bulk;
  if ((name === undefined) === (bulk.filter === undefined)) usage('Give a device or --filter, one of them.');
  const filter = bulk.filter ?? `name = "${(name ?? '').replace(/["\\*]/g, '\\$&')}"`;
  const client = await session.client();
  const params = { project: await session.project() };
  // A device that is not there is said to be so, not counted as none.
  if (name !== undefined) await client.call('deviceGet', { params: { ...params, device: name } });
  const counted = await client.call('deviceBulkAction', { params, body: { filter, change, dryRun: true } });
  if (bulk.dryRun === true) {
    session.out.one(
      counted,
      () =>
        `${devices(counted.matched)} ${counted.matched === 1 ? 'matches' : 'match'}${sampleOf(counted)}. Nothing was changed.`,
    );
    return;
  }
  if (counted.matched === 0) usage('No device matches.');
  if (name === undefined)
    await confirm(`${what} ${devices(counted.matched)} of ${params.project}${sampleOf(counted)}?`, bulk.yes);
  const body = { filter, change, expect: counted.matched };
  const done = await client.call('deviceBulkAction', { params, body });
  if (done.action !== null) {
    session.out.hint(
      `They are many: it runs as a job, also without this command. \`tinyfleet device actions ${done.action}\``,
    );
    showAction(session, await followAction(session, { ...params, action: done.action }));
    return;
  }
  session.out.one(done, () => {
    const left = done.matched - done.changed;
    const rest = left > 0 ? pc.dim(`  ${devices(left)} left as ${left === 1 ? 'it is' : 'they are'}`) : '';
    return `${pc.green('changed')}  ${devices(done.changed)}${rest}`;
  });
}

const devices = (n: number): string => plural(n, 'device');

function sampleOf({ matched, sample }: { matched: number; sample: string[] }): string {
  if (sample.length === 0) return '';
  return ` (${sample.slice(0, 3).join(', ')}${matched > Math.min(3, sample.length) ? ', ...' : ''})`;
}
