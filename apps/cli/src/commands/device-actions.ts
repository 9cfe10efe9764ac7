/** `tinyfleet device actions`: bulk actions that run as jobs, followed with a bar until they are over. */
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { Command } from 'commander';
import pc from 'picocolors';
import { ago, bar, count, percent, state } from '../output/format.js';
import { LiveView } from '../output/live.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

type BulkAction = CallOutput<'bulkActionGet'>;

const POLL_MS = 500;

export function actionsCommand(): Command {
  return new Command('actions')
    .description('bulk actions that run as jobs, newest first; with an id, follow one to its end')
    .argument('[id]', 'one action')
    .option('--cancel', 'stop it; what it has changed stays changed')
    .option('--no-wait', 'show how far it is, and do not wait')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device actions')
    .action(
      async (
        id: string | undefined,
        { cancel, wait, yes }: { cancel?: boolean; wait: boolean; yes?: boolean },
        self: Command,
      ) => {
        const session = Session.of(self);
        const client = await session.client();
        const params = { project: await session.project() };
        if (id === undefined) {
          const items = await all((query) => client.call('bulkActionList', { params, query }), 1_000);
          session.out.list(items, [
            { header: 'action', value: (a) => a.id },
            { header: 'state', value: (a) => a.state, text: (a) => state(a.state) },
            { header: 'devices', value: (a) => a.matched },
            { header: 'handled', value: (a) => a.handled },
            { header: 'changed', value: (a) => a.changed },
            { header: 'filter', value: (a) => a.filter },
            { header: 'by', value: (a) => a.createdBy },
            { header: 'begun', value: (a) => a.createdAt, text: (a) => ago(a.createdAt) },
          ]);
          return;
        }
        const at = { ...params, action: id };
        if (cancel === true) {
          const now = await client.call('bulkActionGet', { params: at });
          await confirm(`Stop it after ${count(now.handled)} of ${count(now.matched)} devices?`, yes);
          await client.call('bulkActionCancel', { params: at });
        }
        showAction(session, wait ? await followAction(session, at) : await get(client, at));
      },
    );
}

interface At {
  readonly project: string;
  readonly action: string;
}
const get = async (client: Client, params: At): Promise<BulkAction> =>
  await client.call('bulkActionGet', { params });

/** Until it is over. Who stops looking does not stop the action. */
export async function followAction(session: Session, at: At): Promise<BulkAction> {
  const client = await session.client();
  const view = new LiveView();
  for (;;) {
    const now = await get(client, at);
    if (!session.out.isPlain) draw(view, now);
    if (now.finishedAt !== null) {
      view.clear();
      return now;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function draw(view: LiveView, { state: name, handled, matched }: BulkAction): void {
  const share = matched === 0 ? 1 : handled / matched;
  const line = `${name.padEnd(8)} ${bar(share)} ${percent(share).padStart(5)}  ${count(handled)} of ${count(matched)} devices`;
  view.draw([line], `${name} ${percent(Math.floor(share * 10) / 10)}`);
}

export function showAction(session: Session, action: BulkAction): void {
  session.out.one(action, () =>
    renderFacts([
      ['action', action.id],
      ['state', state(action.state)],
      ['filter', action.filter],
      ['changed', `${count(action.changed)} of ${count(action.matched)} devices`],
      ...(action.problem === null ? [] : ([['problem', pc.red(action.problem.detail)]] as const)),
    ]),
  );
  if (action.state === 'failed') process.exitCode = 1;
}
