/** `tinyfleet ca`: certificate authorities whose certificates devices may connect with. */
import type { Resource } from '@tinyfleet/contracts';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { commaList, integer, readInput } from '../arguments.js';
import { plural, state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';

interface Settings {
  readonly type?: string;
  readonly tags?: string[];
  readonly site?: string;
  readonly quota?: number;
}
const withSettings = (command: Command): Command =>
  command
    .option('--type <name>', 'device type of those that register at their first connect; without it none do')
    .option('--tags <list>', 'of those, comma separated', commaList)
    .option('--site <name>', 'of those')
    .option('--quota <n>', 'devices it may register', integer('--quota', 0, 1_000_000));
const settingsOf = ({ type, tags, site, quota }: Settings) => ({
  ...(type === undefined ? {} : { type }),
  ...(tags === undefined ? {} : { tags }),
  ...(site === undefined ? {} : { site }),
  ...(quota === undefined ? {} : { quota }),
});

function show(session: Session, made: Resource<'Authority'>): void {
  session.out.one(made, () =>
    renderFacts([
      ['authority', made.name],
      ['state', state(made.state)],
      ['subject', made.subject],
      ['fingerprint', made.fingerprint],
      ['registers', made.type === null ? 'nobody' : `${made.type}, at most ${made.quota}`],
      ['ends', made.notAfter],
      ...(made.crl === null ? [] : ([['revocations', crlText(made.crl)]] as const)),
      ...(made.challenge === null ? [] : ([['challenge', pc.bold(made.challenge)]] as const)),
    ]),
  );
  if (made.challenge !== null)
    session.out.hint(
      `Sign a certificate with this common name by it, then: npx tinyfleet ca prove ${made.name} FILE`,
    );
}

/** One that is overdue still revokes what it names. */
function crlText({ entries, nextUpdate }: NonNullable<Resource<'Authority'>['crl']>): string {
  const isOverdue = Date.parse(nextUpdate) < Date.now();
  return `${entries} in the newest list, ${isOverdue ? pc.yellow(`overdue since ${nextUpdate}`) : `next ${nextUpdate}`}`;
}

export function caCommand(): Command {
  const command = new Command('ca').description('Certificate authorities of devices');

  withSettings(
    command
      .command('add')
      .description('upload an authority of yours')
      .argument('<name>')
      .argument('<file>', 'its certificate in PEM'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet ca add factory ca.pem --type nrf52840-dk --quota 10000',
    )
    .action(async (name: string, file: string, options: Settings, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const certificate = readInput(file).toString('utf8');
      const params = { project: await session.project() };
      show(
        session,
        await client.call('authorityCreate', { params, body: { name, certificate, ...settingsOf(options) } }),
      );
    });

  command
    .command('prove')
    .description('show that you hold its key')
    .argument('<name>')
    .argument('<file>', 'a certificate with the challenge as common name, signed by the authority')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet ca prove factory proof.pem')
    .action(async (name: string, file: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), authority: name };
      const certificate = readInput(file).toString('utf8');
      show(session, await client.call('authorityProve', { params, body: { certificate } }));
    });

  command
    .command('create')
    .description('make an authority here, which signs certificate requests of devices')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet ca create own')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      show(
        session,
        await client.call('authorityCreate', {
          params: { project: await session.project() },
          body: { name },
        }),
      );
    });

  command
    .command('list')
    .description('authorities and how many certificates of them are in use')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet ca list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('authorityList', { params: { project: await session.project() } });
      session.out.list(
        items,
        [
          { header: 'name', value: (a) => a.name },
          { header: 'state', value: (a) => a.state, text: (a) => state(a.state) },
          { header: 'signs', value: (a) => a.signs },
          { header: 'registers', value: (a) => a.type },
          { header: 'registered', value: (a) => a.registered },
          { header: 'quota', value: (a) => a.quota },
          { header: 'certificates', value: (a) => a.certificates },
          { header: 'ends', value: (a) => a.notAfter },
          { header: 'next crl', value: (a) => a.crl?.nextUpdate ?? null },
          { header: 'subject', value: (a) => a.subject },
        ],
        'None yet. npx tinyfleet ca create NAME, or ca add NAME FILE',
      );
    });

  withSettings(
    command.command('set').description('change what it registers, disable or enable it').argument('<name>'),
  )
    .addOption(
      new Option('--state <state>', 'refuse its certificates, or take them again').choices([
        'active',
        'disabled',
      ]),
    )
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet ca set factory --quota 20000')
    .action(async (name: string, options: Settings & { state?: 'active' | 'disabled' }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), authority: name };
      const body = {
        ...settingsOf(options),
        ...(options.state === undefined ? {} : { state: options.state }),
      };
      show(session, await client.call('authorityUpdate', { params, body }));
    });

  command
    .command('revoke')
    .description('refuse certificates by serial number')
    .argument('<name>')
    .argument('<serials...>', 'hexadecimal, as `openssl x509 -serial` prints them')
    .option('--reason <text>', 'noted beside them')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet ca revoke factory 0A1B2C')
    .action(async (name: string, serials: string[], options: RevokeOptions, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const what = serials.length === 1 ? serials[0] : plural(serials.length, 'certificate');
      await confirm(`Refuse ${what} of ${name} for good?`, options.yes);
      const params = { project: await session.project(), authority: name };
      for (const serial of serials)
        await client.call('authorityRevokeSerial', {
          params,
          body: { serial, reason: options.reason ?? '' },
        });
      session.out.one({ revoked: serials }, () => `${pc.green('revoked')}  ${serials.join(', ')}`);
    });

  command
    .command('crl')
    .description('refuse the certificates that a revocation list of it names, for good')
    .argument('<name>')
    .argument('<file>', 'the complete list in PEM')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet ca crl factory crl.pem')
    .action(async (name: string, file: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), authority: name };
      const crl = readInput(file).toString('utf8');
      show(session, await client.call('authorityCrl', { params, body: { crl } }));
    });

  command
    .command('remove')
    .description('remove an authority; certificates of it are refused')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet ca remove factory')
    .action(async (name: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(
        `Remove authority ${name} from ${project}? Devices with its certificates drop.`,
        options.yes,
      );
      await client.call('authorityDelete', { params: { project, authority: name } });
      session.out.one({ removed: name }, () => `${pc.green('removed')}  authority ${name}`);
    });

  return command;
}

interface RevokeOptions {
  readonly reason?: string;
  readonly yes?: boolean;
}
