/** `tinyfleet deployment`: one device's part of a rollout, across all rollouts. */
import { Command, Option } from 'commander';
import { DeploymentState, type CallOutput } from '@tinyfleet/contracts';
import { integer } from '../arguments.js';
import { ago, bytes, state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';

type Deployment = CallOutput<'deploymentGet'>;

export function deploymentCommand(): Command {
  const command = new Command('deployment').description("One device's part of a rollout");
  const number = integer('The deployment', 1, 2_147_483_647);

  command
    .command('list')
    .description('deployments of all rollouts, newest first')
    .option('--rollout <number>', 'of this rollout', integer('--rollout', 1, 2_147_483_647))
    .option('--device <name>', 'of this device')
    .addOption(new Option('--state <state>', 'in this state').choices(DeploymentState.options))
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 100_000), 100)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet deployment list --state failed')
    .action(
      async (
        options: { rollout?: number; device?: string; state?: Deployment['state']; limit: number },
        self: Command,
      ) => {
        const session = Session.of(self);
        const client = await session.client();
        const params = { project: await session.project() };
        const { limit, ...wanted } = options;
        const items = await all(
          (query) => client.call('deploymentList', { params, query: { ...query, ...wanted } }),
          limit,
        );
        session.out.list(
          items,
          [
            { header: 'number', value: (d) => d.number },
            { header: 'rollout', value: (d) => d.rollout },
            { header: 'release', value: (d) => d.release },
            { header: 'device', value: (d) => d.device },
            { header: 'part', value: (d) => d.component },
            { header: 'state', value: (d) => d.state, text: (d) => state(d.state) },
            { header: 'error', value: errorOf },
            { header: 'updated', value: (d) => d.updatedAt, text: (d) => ago(d.updatedAt) },
          ],
          'No deployments.',
        );
      },
    );

  command
    .command('show')
    .description('one deployment')
    .argument('<number>', 'as in deployment list', number)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet deployment show 17')
    .action(async (which: number, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), deployment: which };
      const found = await client.call('deploymentGet', { params });
      session.out.one(found, () =>
        renderFacts([
          ['deployment', found.number],
          ['rollout', found.rollout],
          ['release', found.release],
          ['device', found.device],
          ['part', found.component],
          ['state', state(found.state)],
          ['step', found.step + 1],
          ['offered', `${found.attempts} times`],
          ['fetched', `${bytes(found.offset)} of ${bytes(found.bytes)}`],
          ['waits until', found.notBefore],
          ['error', errorOf(found)],
          ['updated', ago(found.updatedAt)],
        ]),
      );
      session.out.warn(found.warnings);
    });

  return command;
}

export const errorOf = ({
  errorCode,
  errorTitle,
}: Pick<Deployment, 'errorCode' | 'errorTitle'>): string | null =>
  errorCode === null ? errorTitle : `${errorTitle ?? ''} (${errorCode})`;
