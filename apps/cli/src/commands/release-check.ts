/** `tinyfleet release check` and `sbom`: who can take a release, and what it is made of. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { releaseRef, usage } from '../arguments.js';
import { count, shortDigest } from '../output/format.js';
import { renderFacts, renderTable } from '../output/output.js';
import { Session } from '../session.js';

type Check = CallOutput<'releaseCompatibility'>;
export type ReasonLine = { readonly verdict: string } & Check['cannot'][number];

export function checkCommand(): Command {
  return new Command('check')
    .description('how many devices can take it, cannot and why, or have the last word; nothing is sent')
    .argument('<name@version>')
    .option('--group <name>', 'of a group')
    .option('--filter <filter>', 'of the devices that match; default: of all in service')
    .option('--device <name>', 'of one device')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet release check kws@1.1.0
  $ npx tinyfleet release check kws@1.1.0 --group pilot
  $ npx tinyfleet release check kws@1.1.0 --device press-07`,
    )
    .action(
      async (ref: string, options: { group?: string; filter?: string; device?: string }, self: Command) => {
        if (Object.keys(options).length > 1) usage('Give one of --group, --filter and --device.');
        const session = Session.of(self);
        releaseRef(ref);
        const client = await session.client();
        const params = { project: await session.project(), release: ref };
        const found = await client.call('releaseCompatibility', { params, query: options });
        session.out.one(found, () => renderCheck(found));
        session.out.warn(found.warnings);
      },
    );
}

export function sbomCommand(): Command {
  return new Command('sbom')
    .description('what it is made of: CycloneDX ML-BOM, whose SHA-256 is in its signed provenance')
    .argument('<name@version>')
    .option('--file <file>', 'write it there')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet release sbom kws@1.1.0 --file kws.cdx.json')
    .action(async (ref: string, { file }: { file?: string }, self: Command) => {
      const session = Session.of(self);
      releaseRef(ref);
      const client = await session.client();
      const params = { project: await session.project(), release: ref };
      const bom = await client.call('releaseComponents', { params });
      if (file === undefined) return session.out.line(JSON.stringify(bom, undefined, 2));
      // As it was hashed: no white space, no line end.
      writeFileSync(file, JSON.stringify(bom));
      const components = Array.isArray(bom.components) ? bom.components.length : 0;
      session.out.one(
        { file, components },
        () => `${pc.green('written')}  ${file}: ${components} components`,
      );
    });
}

function renderCheck(check: Check): string {
  const cannot = check.cannot.reduce((sum, { devices }) => sum + devices, 0);
  const lines = reasonsOf(check);
  return [
    renderFacts([
      ['release', pc.bold(check.release)],
      ['devices', `${count(check.devices)}${check.filter && ` with ${check.filter}`}`],
      ['can', count(check.can)],
      ['cannot', count(cannot)],
      ['unknown', count(check.unknown)],
    ]),
    ...(lines.length === 0 ? [] : [reasonTable(lines)]),
  ].join('\n\n');
}

export const reasonsOf = ({ cannot, doubts }: Pick<Check, 'cannot' | 'doubts'>): ReasonLine[] => [
  ...cannot.map((one) => ({ verdict: 'cannot', ...one })),
  ...doubts.map((one) => ({ verdict: 'unknown', ...one })),
];

/** Reasons with counts and examples, as `rollout plan` shows them, too. */
export const reasonTable = (lines: readonly ReasonLine[]): string =>
  renderTable(lines, [
    { header: 'devices', value: (one) => one.devices },
    { header: '', value: (one) => one.verdict },
    { header: 'why', value: (one) => one.reason },
    { header: 'error', value: (one) => one.errorCode },
    { header: 'such as', value: (one) => one.sample.slice(0, 3).join(', ') },
  ]);

export interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string | null;
  readonly sha256: string | null;
}

/** Of a CycloneDX document. */
export function componentsOf(bom: CallOutput<'releaseComponents'>): Component[] {
  const list = bom.components as {
    type: string;
    name: string;
    version?: string;
    hashes?: { alg: string; content: string }[];
  }[];
  return list.map(({ type, name, version, hashes }) => ({
    type,
    name,
    version: version ?? null,
    sha256: hashes?.find(({ alg }) => alg === 'SHA-256')?.content ?? null,
  }));
}

export const renderComponents = (components: readonly Component[]): string =>
  renderTable(components, [
    { header: 'made of', value: (one) => one.type },
    { header: 'name', value: (one) => one.name },
    { header: 'version', value: (one) => one.version },
    {
      header: 'sha-256',
      value: (one) => one.sha256,
      text: (one) => (one.sha256 ? shortDigest(one.sha256) : '-'),
    },
  ]);
