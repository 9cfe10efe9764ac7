/** `tinyfleet device rotate|revoke|credentials`: what a device proves itself with. */
import { Command } from 'commander';
import pc from 'picocolors';
import { duration } from '../arguments.js';
import { ago, state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';

export function rotateCommand(): Command {
  return new Command('rotate')
    .description('a new token for a device; the old one stays valid for an overlap')
    .argument('<name>')
    .option(
      '--overlap <time>',
      'how long the old one stays valid, such as 24h; 0 ends it at once',
      duration('--overlap', 0, 30 * 86_400),
      86_400,
    )
    .addHelpText(
      'after',
      `
The old token ends sooner, 10 minutes after the device has connected with the new one.

Example:
  $ npx tinyfleet device rotate pump-17 --overlap 7d`,
    )
    .action(async (name: string, { overlap }: { overlap: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const made = await client.call('deviceToken', {
        params: { project: await session.project(), device: name },
        body: { overlapSeconds: overlap },
      });
      session.out.one(made, () =>
        renderFacts([
          ['MQTT username', made.mqttUsername],
          ['token', pc.bold(made.token)],
        ]),
      );
    });
}

export function credentialsCommand(): Command {
  return new Command('credentials')
    .description('tokens and certificates of a device')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device credentials pump-17')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('credentialList', {
        params: { project: await session.project(), device: name },
      });
      session.out.list(
        items,
        [
          { header: 'id', value: (c) => c.id },
          { header: 'kind', value: (c) => c.kind },
          { header: 'state', value: (c) => c.state, text: (c) => state(c.state) },
          { header: 'made', value: (c) => c.createdAt, text: (c) => ago(c.createdAt) },
          { header: 'by', value: (c) => c.createdBy },
          { header: 'ends', value: (c) => c.expiresAt },
          { header: 'used', value: (c) => c.lastUsedAt, text: (c) => ago(c.lastUsedAt) },
          { header: 'authority', value: (c) => c.authority },
          { header: 'serial', value: (c) => c.serial },
        ],
        'It has none: npx tinyfleet device rotate, or a claim code.',
      );
    });
}

export function revokeCommand(): Command {
  return new Command('revoke')
    .description('end the credentials of a device; its connection drops within a second')
    .argument('<name>')
    .option('--credential <id>', 'only this one, as `device credentials` shows it')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device revoke pump-17')
    .action(async (name: string, options: { credential?: string; yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const what = options.credential === undefined ? 'every credential' : `credential ${options.credential}`;
      await confirm(`Revoke ${what} of ${project}/${name}?`, options.yes);
      const params = { project, device: name };
      if (options.credential === undefined) await client.call('credentialRevokeAll', { params });
      else await client.call('credentialRevoke', { params: { ...params, credential: options.credential } });
      session.out.one({ revoked: name }, () => `${pc.green('revoked')}  ${what} of ${name}`);
    });
}
