/** `tinyfleet project keys handover`: telling devices of the next key when the key that they have is kept elsewhere. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { HandoverRequest, KeyHandovers, type Resource } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { usage } from '../arguments.js';
import { plural } from '../output/format.js';
import { Session, all } from '../session.js';
import { parsed, privateKeyIn } from './private-key.js';

interface HandoverOptions {
  readonly key?: string;
  readonly export?: string;
  readonly request?: string;
  readonly out?: string;
  readonly import?: string;
  readonly next?: string;
}

/** Devices in one call, and in one export. */
const atOnce = 500;
const mostDevices = 1_000_000;
const Batches = KeyHandovers.array();

export function handoverCommand(): Command {
  return new Command('handover')
    .description('tell devices of the next key with a private key that is kept elsewhere')
    .option(
      '--key <file>',
      'private half of the key that devices have (PEM, Ed25519); it stays on this machine',
    )
    .option('--export <file>', 'only write what is to be signed')
    .option('--request <file>', 'an export; with --key and --out, and without a server')
    .option('--out <file>', 'where the signed messages go')
    .option('--import <file>', 'bring in signed messages')
    .option('--next <id>', 'sign for this next key and no other, whatever the server or the export says')
    .addHelpText(
      'after',
      `
Devices will obey the key that is signed for: give its id, as \`project keys rotate\` told it, with --next.
After \`project keys rotate\`, once for the devices there are, and again for those that come later or took a command meanwhile.

Examples:
  $ npx tinyfleet project keys handover --key key.pem

With the key on a machine that has no network:
  $ npx tinyfleet project keys handover --export devices.json
  $ npx tinyfleet project keys handover --request devices.json --key key.pem --out messages.json
  $ npx tinyfleet project keys handover --import messages.json`,
    )
    .action(async (options: HandoverOptions, self: Command) => {
      const session = Session.of(self);
      const { key, out } = options;
      if (options.request !== undefined) {
        if (key === undefined || out === undefined) return usage('--request needs --key and --out.');
        const request = parsed(HandoverRequest, options.request, 'a request to hand over');
        const { keyId } = request.next;
        const batches = await signed(request, key, options.next);
        writeFileSync(out, `${JSON.stringify(batches)}\n`);
        return session.out.one({ file: out, keyId, messages: sum(batches) }, () =>
          said('signed', batches, ` about key ${keyId} in ${out}`),
        );
      }
      const ways = [key, options.export, options.import].filter((one) => one !== undefined);
      if (ways.length !== 1 || out !== undefined)
        usage('Give one of --key, --export and --import; --out goes with --request.');
      if (options.export !== undefined) {
        const request = await requestOf(session);
        writeFileSync(options.export, `${JSON.stringify(request)}\n`);
        const { devices, next } = request;
        return session.out.one(
          { file: options.export, keyId: next.keyId, devices: devices.length },
          () =>
            `${pc.green('written')}  ${options.export!}: ${plural(devices.length, 'device')} to be told of key ${next.keyId}`,
        );
      }
      const batches =
        options.import === undefined
          ? await signed(await requestOf(session), key!, options.next)
          : parsed(Batches, options.import, 'signed messages');
      const { client, params } = await newestKey(session);
      let devices = 0;
      for (const body of batches) devices += (await client.call('keyHandoverAdd', { params, body })).devices;
      session.out.one({ keyId: params.keyId, devices }, () =>
        said('handed over', batches, ` about key ${params.keyId}`),
      );
      session.out.hint(
        'Devices that are connected are told at once. See how far it is: npx tinyfleet project keys list',
      );
    });
}

/** The key that devices are told of. @throws cli.usage */
async function newestKey(session: Session) {
  const client = await session.client();
  const project = await session.project();
  const { items } = await client.call('signingKeyList', { params: { project } });
  const [key] = items
    .filter(({ state }) => state === 'next' || state === 'active')
    .sort((a, b) => b.sequence - a.sequence);
  return key
    ? { client, key, params: { project, keyId: key.keyId } }
    : usage(`Project ${project} has no signing key yet.`);
}

async function requestOf(session: Session): Promise<Resource<'HandoverRequest'>> {
  const { client, key, params } = await newestKey(session);
  const devices = await all((query) => client.call('keyHandoverList', { params, query }), mostDevices);
  const { keyId, publicKeyHex, sequence } = key;
  return { project: params.project, next: { keyId, publicKeyHex, sequence }, devices };
}

async function signed(
  request: Resource<'HandoverRequest'>,
  keyFile: string,
  wanted: string | undefined,
): Promise<Resource<'KeyHandovers'>[]> {
  const { keyId } = request.next;
  if (wanted !== undefined && wanted !== keyId) usage(`The request is about key ${keyId}, not ${wanted}.`);
  const { signHandover } = await import('@tinyfleet/releases');
  const { by, asks } = signHandover(request, privateKeyIn(keyFile));
  return Array.from({ length: Math.ceil(asks.length / atOnce) }, (_, i) => ({
    by,
    asks: asks.slice(i * atOnce, (i + 1) * atOnce),
  }));
}

const sum = (batches: readonly Resource<'KeyHandovers'>[]): number =>
  batches.reduce((n, { asks }) => n + asks.length, 0);
const said = (done: string, batches: readonly Resource<'KeyHandovers'>[], where: string): string =>
  `${pc.green(done)}  ${plural(sum(batches), 'message')}${where}`;
