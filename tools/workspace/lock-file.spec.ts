// package-lock.json names no host, and every package of every platform: npm drops the packages of other platforms when
// it writes the file beside an installed node_modules, and `npm ci` then fails elsewhere.
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './packages.mjs';

interface Locked {
  readonly link?: boolean;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Locked>;
};

describe('package-lock.json', () => {
  it('should name no host', () => {
    const hosts = Object.values(packages).filter(({ resolved }) => resolved?.includes('://') === true);
    expect(hosts).toEqual([]);
  });

  it('should hold the digest of every package that is not our own', () => {
    const unproven = Object.entries(packages).filter(
      ([path, { link, integrity }]) =>
        path.includes('node_modules/') && link !== true && integrity === undefined,
    );
    expect(unproven.map(([path]) => path)).toEqual([]);
  });

  it('should hold the packages of every platform', () => {
    const absent = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter((name) => !isThere(path, name))
        .map((name) => `${path} -> ${name}`),
    );
    expect(absent).toEqual([]);
  });
});

/** As Node looks for a package: beside the dependent, then in every folder above it. */
function isThere(path: string, name: string): boolean {
  const folders = path.split('/');
  return (
    folders.some((_, depth) => {
      const folder = folders.slice(0, folders.length - depth).join('/');
      return packages[`${folder}/node_modules/${name}`] !== undefined;
    }) || packages[`node_modules/${name}`] !== undefined
  );
}
