/**
 * Filters by what a device runs. Releases are few and devices many: the releases are matched here, and Postgres gets the
 * digests of their bundles, whose shares of the fleet it knows.
 */
import { versionOrderOf, type Resource } from '@tinyfleet/contracts';
import type { Order, Scalar } from '@tinyfleet/filter';
import { globMatches, type Parameters } from './parameters.js';

/** A bundle of a release; the same bundle may be in several. */
export interface ReleaseBundle {
  readonly digest: Buffer;
  readonly sequence: number;
  readonly ref: string;
  readonly version: string;
  readonly versionOrder: string;
  readonly state: Resource<'ReleaseState'>;
}

export function matchesRelease(field: 'release' | 'version', values: readonly Scalar[]) {
  return ({ ref, version, versionOrder }: ReleaseBundle): boolean =>
    values.some((value) => {
      if (typeof value === 'object')
        return globMatches(value, ref) || (field === 'version' && globMatches(value, version));
      const text = String(value);
      // `1.1.0` or `1.1` of any model, or `kws@1.1.0`.
      return text === ref || (field === 'version' && versionOrderOf(text) === versionOrder);
    });
}

export function ordersRelease(order: Order, version: string) {
  const wanted = versionOrderOf(version) ?? '';
  return ({ versionOrder: own }: ReleaseBundle): boolean => {
    switch (order) {
      case '<':
        return own < wanted;
      case '<=':
        return own <= wanted;
      case '>':
        return own > wanted;
      case '>=':
        return own >= wanted;
    }
  };
}

function groupByDigest(bundles: readonly ReleaseBundle[]): Map<string, ReleaseBundle[]> {
  const byDigest = new Map<string, ReleaseBundle[]>();
  for (const bundle of bundles) {
    const key = bundle.digest.toString('hex');
    const same = byDigest.get(key);
    if (same) same.push(bundle);
    else byDigest.set(key, [bundle]);
  }
  return byDigest;
}

const newestOf = (same: readonly ReleaseBundle[]): ReleaseBundle =>
  same.reduce((a, b) => (a.sequence > b.sequence ? a : b));

/** What a device with this bundle runs, given the sequence of the release it names. */
export function releaseFinder(bundles: readonly ReleaseBundle[]) {
  const byDigest = groupByDigest(bundles);
  return (digest: Buffer, sequence: number | null): ReleaseBundle | undefined => {
    const same = byDigest.get(digest.toString('hex'));
    return same && (same.find((one) => one.sequence === sequence) ?? newestOf(same));
  };
}

/**
 * Over `report`. Which of several releases with one bundle a device runs is as ACTIVE_RELEASE has it: the one it names, else
 * the newest.
 */
export function runsSql(
  bundles: readonly ReleaseBundle[],
  matches: (bundle: ReleaseBundle) => boolean,
  parameters: Parameters,
): string {
  const sure: Buffer[] = [];
  const parts: string[] = [];
  for (const same of groupByDigest(bundles).values()) {
    const matching = same.filter(matches);
    const { digest } = same[0]!;
    if (matching.length === same.length) sure.push(digest);
    else if (matching.length > 0) {
      const newest = newestOf(same);
      // One that names none of them runs the newest.
      const is = matches(newest) ? same.filter((one) => !matches(one)) : matching;
      const sequences = parameters.add(is.map(({ sequence }) => sequence));
      parts.push(
        `report.active_digest = ${parameters.add(digest)}::bytea and report.release_sequence ${matches(newest) ? '<> all' : '= any'}(${sequences}::bigint[])`,
      );
    }
  }
  parts.unshift(
    sure.length === 1
      ? `report.active_digest = ${parameters.add(sure[0])}::bytea`
      : `report.active_digest = any(${parameters.add(sure)}::bytea[])`,
  );
  return parts.length === 1 ? parts[0]! : `(${parts.map((part) => `(${part})`).join(' or ')})`;
}
