/** `tinyfleet project keys`: the keys that sign releases, and changing them without touching a device by hand. */
import { createPublicKey } from 'node:crypto';
import { Command } from 'commander';
import { isFleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { readInput, usage } from '../arguments.js';
import { ago, state } from '../output/format.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';
import { handoverCommand } from './project-keys-handover.js';

export function keysCommand(): Command {
  const command = new Command('keys').description(
    'Keys that sign releases: list, rotate, hand over, activate, withdraw, revoke',
  );

  command
    .command('list', { isDefault: true })
    .description('keys of the project and how many devices trust them')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet project keys list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('signingKeyList', { params: { project: await session.project() } });
      session.out.list(items, [
        { header: 'key', value: (k) => k.keyId },
        { header: 'state', value: (k) => k.state, text: (k) => state(k.state) },
        { header: 'sequence', value: (k) => k.sequence },
        { header: 'private half', value: (k) => k.held, text: (k) => (k.held ? 'here' : 'elsewhere') },
        { header: 'devices', value: (k) => k.devices.current },
        { header: 'may follow on', value: (k) => k.devices.next },
        { header: 'made', value: (k) => k.createdAt, text: (k) => ago(k.createdAt) },
      ]);
      const next = items.find((key) => key.state === 'next');
      if (next)
        session.out.hint(
          `When the devices hold it, sign with it: npx tinyfleet project keys activate ${next.keyId}`,
        );
    });

  command
    .command('rotate')
    .description('make the next key and hand it to every device, signed by the present one')
    .option('--public <file>', 'public key (PEM, Ed25519) of a pair whose private half stays elsewhere')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Nothing is signed with the next key before it is activated. Devices that are away are told when they come back.

A key of your own: openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout -out key.pub.pem
Sign the releases there are with it before you activate it: npx tinyfleet release sign kws@1.1.0 --key key.pem

Examples:
  $ npx tinyfleet project keys rotate
  $ npx tinyfleet project keys rotate --public key.pub.pem`,
    )
    .action(async (options: { public?: string; yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Make another signing key for ${project}?`, options.yes);
      const key = await client.call('signingKeyRotate', {
        params: { project },
        body: options.public === undefined ? {} : { publicKeyHex: publicKeyOf(options.public) },
      });
      session.out.one(key, () => `${pc.green('made')}  next key ${key.keyId}`);
      const { items } = await client.call('signingKeyList', { params: { project } });
      session.out.hint(
        items.every(({ state: of, held }) => of !== 'active' || held)
          ? 'See how far it is: npx tinyfleet project keys list'
          : 'The present key is kept elsewhere and has to sign for it: npx tinyfleet project keys handover --key key.pem',
      );
    });

  command
    .command('activate')
    .description('sign with the next key from now on, and the signed releases again with it')
    .argument('<key>', 'as `keys list` shows it')
    .option('--force', 'also when devices do not hold it yet: they are offered nothing until they do')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet project keys activate 21fe31dfa154a261')
    .action(async (keyId: string, options: { force?: boolean; yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Sign with key ${keyId} from now on, and retire the present one?`, options.yes);
      const key = await client.call('signingKeyActivate', {
        params: { project, keyId },
        body: { force: options.force === true },
      });
      session.out.one(key, () => `${pc.green('active')}  key ${key.keyId}`);
    });

  for (const [verb, route, done, description] of [
    ['withdraw', 'signingKeyWithdraw', 'withdrawn', 'give up the next key before it signs anything'],
    ['revoke', 'signingKeyRevoke', 'revoked', 'offer nothing any more that only this retired key has signed'],
  ] as const)
    command
      .command(verb)
      .description(description)
      .argument('<key>', 'as `keys list` shows it')
      .option('--reason <text>', 'for the audit log', '')
      .option('--yes', 'do not ask')
      .addHelpText('after', `\nExample:\n  $ npx tinyfleet project keys ${verb} 21fe31dfa154a261`)
      .action(async (keyId: string, options: { reason: string; yes?: boolean }, self: Command) => {
        const session = Session.of(self);
        const client = await session.client();
        const project = await session.project();
        await confirm(`${verb === 'withdraw' ? 'Withdraw' : 'Revoke'} key ${keyId}?`, options.yes);
        const params = { project, keyId };
        const key = await client.call(route, { params, body: { reason: options.reason } });
        session.out.one(key, () => `${pc.green(done)}  key ${key.keyId}`);
      });

  command.addCommand(handoverCommand());
  return command;
}

/** @throws cli.usage */
function publicKeyOf(path: string): string {
  let x: string | undefined;
  try {
    const jwk = createPublicKey(readInput(path)).export({ format: 'jwk' });
    if (jwk.crv === 'Ed25519') x = jwk.x;
  } catch (error) {
    if (isFleetError(error)) throw error;
  }
  return x === undefined
    ? usage(`${path} is not an Ed25519 public key in PEM.`)
    : Buffer.from(x, 'base64url').toString('hex');
}
