/** Semantic versions of models: the next one, and a key that sorts as they do. */

interface Parts {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly pre: string;
}

/** A model without versions counts as 1.0.0, so its first import is 1.1.0. */
const BEFORE_FIRST: Parts = { major: 1, minor: 0, patch: 0, pre: '' };

/** The caller has validated the text. */
function parts(version: string): Parts {
  const [, major, minor, patch, pre] = /^(\d+)\.(\d+)\.(\d+)(?:-(.*))?$/.exec(version) ?? [];
  return { major: Number(major), minor: Number(minor), patch: Number(patch), pre: pre ?? '' };
}

export function nextMinor(newest: string | undefined): string {
  const { major, minor } = newest === undefined ? BEFORE_FIRST : parts(newest);
  return `${major}.${minor + 1}.0`;
}

/**
 * The same key for a version as people and firmware write it (`2.1`, `v1.4.0-rc.1+build`): what is missing is 0, build
 * metadata does not count. Undefined: not a version.
 */
export function versionOrderOf(text: string): string | undefined {
  const [, major, minor, patch, pre] =
    /^v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?$/.exec(
      text,
    ) ?? [];
  if (major === undefined || text.length > 128) return undefined;
  return versionOrder(`${major}.${minor ?? 0}.${patch ?? 0}${pre ?? ''}`);
}

const WIDTH = 16;
const pad = (number: number | string): string => String(number).padStart(WIDTH, '0');

/**
 * A text whose byte order is the order of versions (semver 2.0.0, clause 11): numbers padded, a release after its
 * pre-releases, numeric identifiers before alphanumeric ones, fewer identifiers first.
 */
export function versionOrder(version: string): string {
  const { major, minor, patch, pre } = parts(version);
  const base = [major, minor, patch].map(pad).join('.');
  if (pre === '') return `${base}~`;
  const identifiers = pre.split('.').map((one) => (/^\d+$/.test(one) ? `0${pad(one)}` : `1${one}`));
  return `${base}-${identifiers.join(' ')}`;
}
