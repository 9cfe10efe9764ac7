// ZIP archives of strangers: counted before a byte is unpacked, so that small archives cannot become large ones.
import { unzipSync, type UnzipFileInfo } from 'fflate';
import { fault } from '../ir/diagnostics.js';
import { damaged, within, type ModelLimits } from './limits.js';

export function isZip(file: Uint8Array): boolean {
  return file.length > 22 && file[0] === 0x50 && file[1] === 0x4b && (file[2] === 3 || file[2] === 5);
}

/** Paths in an archive; empty for what is none. */
export function archivePaths(file: Uint8Array, limits: ModelLimits): string[] {
  if (!isZip(file)) return [];
  const paths: string[] = [];
  const filter = ({ name }: UnzipFileInfo): boolean => {
    if (paths.length < limits.archiveEntries) paths.push(name);
    return false;
  };
  try {
    unzipSync(file, { filter });
  } catch {
    return paths;
  }
  return paths;
}

/** Files of an archive whose names `wanted` accepts, by their path. */
export function unzip(
  file: Uint8Array,
  wanted: (path: string) => boolean,
  limits: ModelLimits,
): Map<string, Uint8Array> {
  within('bytes', file.length, limits.fileBytes);
  let [entries, bytes] = [0, 0];
  const filter = ({ name, originalSize, compression }: UnzipFileInfo): boolean => {
    within('files in the archive', ++entries, limits.archiveEntries);
    if (name.endsWith('/') || !wanted(name)) return false;
    if (compression !== 0 && compression !== 8)
      throw fault('compiler.option-unsupported', { op: 'the archive', option: `compression ${compression}` });
    bytes += originalSize;
    within('bytes in the archive, unpacked', bytes, limits.expandedBytes);
    return true;
  };
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(file, { filter });
  } catch (error) {
    // fflate throws plain errors; ours pass.
    if (error instanceof Error && error.name === 'FleetError') throw error;
    throw damaged('the archive cannot be unpacked', 0);
  }
  return new Map(Object.entries(files));
}
