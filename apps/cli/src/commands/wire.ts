/** `tinyfleet wire`: encode and decode what the device protocol carries, without a server. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { FleetError } from '@tinyfleet/errors';
import type * as Wire from '@tinyfleet/wire';
import { readInput, usage } from '../arguments.js';
import { Session } from '../session.js';

type MessageName = keyof Wire.Messages;

const MESSAGES = 'hello, state, want, telemetry, telemetry.json, sample, desired, chunk, ask';
const DECODED = `${MESSAGES}, manifest, bundle`;
const ENCODED = `${MESSAGES}, manifest`;

interface DecodeOptions {
  readonly file?: string;
  readonly base64?: boolean;
}
interface EncodeOptions {
  readonly raw?: boolean;
  readonly base64?: boolean;
  readonly key?: string;
}

export function wireCommand(): Command {
  const command = new Command('wire').description('Encode and decode messages of the device protocol');

  command
    .command('decode')
    .description('print a captured payload as JSON')
    .argument('<what>', DECODED)
    .argument('[hex]', 'hexadecimal; default: standard input, bytes or hexadecimal')
    .option('--file <path>', 'read it from a file: bytes or hexadecimal')
    .option('--base64', 'what is read is base64')
    .addHelpText(
      'after',
      `
A bundle is told by its header: what it needs, its sections, inputs and outputs.

Examples:
  $ npx tinyfleet wire decode ask a20101020a
  $ npx tinyfleet wire decode telemetry < payload.bin
  $ npx tinyfleet wire decode bundle --file kws.bundle`,
    )
    .action(async (what: string, hex: string | undefined, options: DecodeOptions, self: Command) => {
      if (hex !== undefined && options.file !== undefined) usage('Give hexadecimal or --file, not both.');
      const given =
        hex !== undefined
          ? Buffer.from(hex, 'utf8')
          : options.file !== undefined
            ? readInput(options.file)
            : readFileSync(0);
      const bytes = options.base64 === true ? fromBase64(given) : fromHexOrBytes(given);
      Session.of(self).out.line(JSON.stringify(await decoded(what, bytes), undefined, 2));
    });

  command
    .command('encode')
    .description('print a message, given as JSON, as hexadecimal CBOR')
    .argument('<what>', ENCODED)
    .argument('[file]', 'JSON as decode prints it (default: standard input)')
    .option('--raw', 'bytes instead of hexadecimal')
    .option('--base64', 'base64 instead of hexadecimal')
    .option('--key <file>', 'sign a manifest with this private key (PEM) instead of what it says')
    .addHelpText(
      'after',
      `
telemetry.json is JSON on the wire too, its bytes in base64, and is printed as that.

Examples:
  $ echo '{"counter":1,"command":"say-hello"}' | npx tinyfleet wire encode ask
  $ npx tinyfleet wire encode hello hello.json --raw > hello.cbor`,
    )
    .action(async (what: string, file: string | undefined, options: EncodeOptions, self: Command) => {
      if (options.raw === true && options.base64 === true) usage('Give --raw or --base64, not both.');
      if (options.key !== undefined && what !== 'manifest') usage('--key signs manifests and nothing else.');
      const bytes = await encoded(what, file === undefined ? readFileSync(0) : readInput(file), options.key);
      const { out } = Session.of(self);
      if (options.raw === true) process.stdout.write(bytes);
      else if (options.base64 === true) out.line(bytes.toString('base64'));
      else out.line(what === 'telemetry.json' ? bytes.toString('utf8') : bytes.toString('hex'));
    });

  return command;
}

async function decoded(what: string, bytes: Uint8Array): Promise<unknown> {
  if (what === 'bundle') return await bundleJson(bytes);
  const wire = await import('@tinyfleet/wire');
  if (what === 'manifest') return wire.manifestToJson(bytes);
  if (what === 'telemetry.json')
    return wire.messageToJson('telemetry', wire.decodeTelemetryJson(bytes), 'hex');
  const name = known(wire, what, DECODED);
  return wire.messageToJson(name, wire.decode(name, bytes), 'hex');
}

async function encoded(what: string, input: Buffer, key: string | undefined): Promise<Buffer> {
  const wire = await import('@tinyfleet/wire');
  const json = parse(input.toString('utf8'));
  if (what === 'manifest')
    return Buffer.from(
      key === undefined
        ? wire.manifestFromJson(json)
        : wire.signManifest(wire.contentFromJson(json), privateKey(key)),
    );
  if (what === 'telemetry.json') {
    const message = wire.messageFromJson('telemetry', json, 'hex');
    return Buffer.from(JSON.stringify(wire.messageToJson('telemetry', message)));
  }
  const name = known(wire, what, ENCODED);
  return Buffer.from(wire.encode(name, wire.messageFromJson(name, json, 'hex')));
}

/** Without the steps, constants and vectors: what a device decides by. */
async function bundleJson(bytes: Uint8Array): Promise<unknown> {
  const { readBundle } = await import('@tinyfleet/runtime');
  const { steps, monitors, digest, opSet, ownOpSet, ...rest } = readBundle(bytes);
  const hex = (value: Uint8Array): string =>
    Buffer.from(value)
      .toString('hex')
      .replace(/(?:00)+$/, '');
  return {
    ...rest,
    digest: Buffer.from(digest).toString('hex'),
    opSet: hex(opSet),
    ownOpSet: hex(ownOpSet),
    ops: [...new Set(steps.map(({ op }) => op))].sort(),
    steps: steps.length,
    monitors: monitors.length,
  };
}

function known(wire: typeof Wire, what: string, choices: string): MessageName {
  const name = wire.messageNames.find((n) => n === what);
  return name ?? usage(`"${what}" is none of ${choices}.`);
}

/** @throws wire.json-invalid */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FleetError('wire.json-invalid', { reason: (error as Error).message });
  }
}

function privateKey(path: string) {
  try {
    return createPrivateKey(readInput(path));
  } catch (error) {
    if (error instanceof FleetError) throw error;
    return usage(`${path} is not a private key in PEM.`);
  }
}

/** Hexadecimal text (blanks and an 0x are fine), else the bytes themselves. */
function fromHexOrBytes(input: Buffer): Uint8Array {
  const text = input.toString('latin1').replace(/\s+/g, '').replace(/^0x/i, '');
  const isHex = text.length > 0 && text.length % 2 === 0 && /^[0-9a-f]+$/i.test(text);
  return new Uint8Array(isHex ? Buffer.from(text, 'hex') : input);
}

function fromBase64(input: Buffer): Uint8Array {
  const text = input.toString('latin1').replace(/\s+/g, '');
  if (text === '' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) usage('That is not base64.');
  return new Uint8Array(Buffer.from(text, 'base64'));
}
