// Five faults of the kind that bricks devices, each planted into the text of the agent's sources and built with the system's
// clang, so that the power-cut sweep can show that it finds them. No source file is changed.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const firmware = fileURLToPath(new URL('../../../../firmware-stubs', import.meta.url));

export interface PlantedBug {
  readonly name: string;
  /** Below firmware-stubs/agent/src. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'a bundle becomes active before it is verified',
    file: 'update.c',
    find: 'fleet_trial_job(a, job_check_target, a->update.target_slot);',
    replace: '(void)fleet_model_load(a, a->update.target_slot);\n  fleet_update_commit(a);',
  },
  {
    name: 'a record counts without its CRC',
    file: 'flash.c',
    find: 'return crc == head.crc ? size : 0;',
    replace: 'return size;',
  },
  {
    name: 'the active slot is erased',
    file: 'transfer.c',
    find: 'return a->update.active_slot ^ 1u;',
    replace: 'return a->update.active_slot;',
  },
  {
    name: 'records are appended to what a boot has found',
    file: 'records.c',
    find: 'r->loose = 2;',
    replace: 'r->loose = 0;',
  },
  { name: 'faulty resets are not counted', file: 'update.c', find: ' a->update.attempts++;', replace: ' {}' },
];

interface Built {
  readonly wasm: Uint8Array;
  readonly objects: Record<string, Uint8Array>;
}

interface Builder {
  readonly build: (options: {
    native: true;
    replaced?: Record<string, string>;
    objects?: Record<string, Uint8Array>;
  }) => Promise<Built>;
}

/** Builds the firmware as it is, then with each bug in it; all but the one file is compiled once. */
export async function buildAll(): Promise<Map<PlantedBug | null, Uint8Array>> {
  const { build } = (await import(pathToFileURL(join(firmware, 'ports/wasm/build.mjs')).href)) as Builder;
  const clean = await build({ native: true });
  const images = new Map<PlantedBug | null, Uint8Array>([[null, clean.wasm]]);
  for (const bug of PLANTED_BUGS) {
    const unit = `agent/src/${bug.file}`;
    const text = await readFile(join(firmware, unit), 'utf8');
    if (text.split(bug.find).length !== 2) throw new Error(`${unit} has not one place that says ${bug.find}`);
    const replaced = { [unit]: text.replace(bug.find, () => bug.replace) };
    images.set(bug, (await build({ native: true, replaced, objects: clean.objects })).wasm);
  }
  return images;
}
