/**
 * `tinyfleet release sign`: with the project's key on the server, or with a private key that never leaves this machine - in
 * one go, or in three steps where the key is on a machine without a network.
 */
import type { KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { ReleaseSignatures, SigningRequest, type CallOutput, type Resource } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { releaseRef, usage } from '../arguments.js';
import { Session } from '../session.js';
import { parsed, privateKeyIn } from './private-key.js';

type Release = CallOutput<'releaseGet'>;
type Signatures = Resource<'ReleaseSignatures'>;
interface SignOptions {
  readonly key?: string;
  readonly export?: string;
  readonly keyId?: string;
  readonly request?: string;
  readonly out?: string;
  readonly import?: string;
}

export function signCommand(render: (release: Release) => string): Command {
  return new Command('sign')
    .description('sign its manifests and provenance, with the project key or with one that is kept elsewhere')
    .argument('[name@version]')
    .option('--key <file>', 'private key (PEM, Ed25519) that stays on this machine')
    .option('--export <file>', 'only write what is to be signed')
    .option('--key-id <id>', 'of an export: which key is to sign (default: the active one)')
    .option('--request <file>', 'an export; with --key and --out, and without a server')
    .option('--out <file>', 'where the signatures go')
    .option('--import <file>', 'bring in signatures')
    .addHelpText(
      'after',
      `
The key of the file has to be the project's active or next one: \`npx tinyfleet project keys rotate --public key.pub.pem\`.

Examples:
  $ npx tinyfleet release sign kws@1.1.0
  $ npx tinyfleet release sign kws@1.1.0 --key key.pem

With the key on a machine that has no network:
  $ npx tinyfleet release sign kws@1.1.0 --export request.json
  $ npx tinyfleet release sign --request request.json --key key.pem --out signatures.json
  $ npx tinyfleet release sign kws@1.1.0 --import signatures.json`,
    )
    .action(async (ref: string | undefined, options: SignOptions, self: Command) => {
      const session = Session.of(self);
      if (options.request !== undefined) return await signOffline(session, ref, options);
      if (ref === undefined) usage('Name the release to sign, such as kws@1.1.0.');
      releaseRef(ref);
      const ways = [options.key, options.export, options.import].filter((one) => one !== undefined);
      if (ways.length > 1 || options.out !== undefined)
        usage('Give one of --key, --export and --import; --out goes with --request.');
      const client = await session.client();
      const params = { project: await session.project(), release: ref };
      if (options.export !== undefined) {
        const query = options.keyId === undefined ? {} : { keyId: options.keyId };
        const request = await client.call('releaseSigningRequest', { params, query });
        writeFileSync(options.export, `${JSON.stringify(request, undefined, 2)}\n`);
        const { keyId, manifests } = request;
        session.out.one(
          { file: options.export, keyId, manifests: manifests.length },
          () =>
            `${pc.green('written')}  ${options.export}: ${manifests.length} manifests and the provenance, for key ${keyId}`,
        );
        return;
      }
      const body =
        options.import !== undefined
          ? parsed(ReleaseSignatures, options.import, 'signatures')
          : options.key !== undefined
            ? await signedHere(privateKeyIn(options.key), async (keyId) =>
                client.call('releaseSigningRequest', { params, query: { keyId } }),
              )
            : undefined;
      const release = body
        ? await client.call('releaseSignatures', { params, body })
        : await client.call('releaseSign', { params });
      session.out.one(release, () => render(release));
    });
}

async function signOffline(session: Session, ref: string | undefined, options: SignOptions): Promise<void> {
  const { request: file, key, out } = options;
  if (file === undefined || key === undefined || out === undefined)
    return usage('--request needs --key and --out.');
  const request = parsed(SigningRequest, file, 'a signing request');
  if (ref !== undefined && ref !== request.release) usage(`${file} is about ${request.release}, not ${ref}.`);
  const { signRequest } = await import('@tinyfleet/releases');
  const signatures = signRequest(request, privateKeyIn(key));
  writeFileSync(out, `${JSON.stringify(signatures, undefined, 2)}\n`);
  session.out.one(
    { file: out, release: request.release, signatures: signatures.manifests.length + 1 },
    () =>
      `${pc.green('signed')}  ${request.release}: ${signatures.manifests.length} manifests and the provenance in ${out}`,
  );
}

async function signedHere(
  key: KeyObject,
  ask: (keyId: string) => Promise<CallOutput<'releaseSigningRequest'>>,
): Promise<Signatures> {
  const { signRequest } = await import('@tinyfleet/releases');
  const { rawPublicKey, signingKeyId } = await import('@tinyfleet/wire');
  const keyId = Buffer.from(signingKeyId(rawPublicKey(key))).toString('hex');
  return signRequest(await ask(keyId), key);
}
