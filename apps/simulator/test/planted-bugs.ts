// Five faults of the kind that bricks devices, each planted into a copy of the agent's sources and built with the system's clang,
// so that the power-cut sweep can show that it finds them. The sources in the repository are never changed.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const firmware = fileURLToPath(new URL('../../../firmware-stubs', import.meta.url));

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
    find: 'fleet_trial_job(a, job_check_target, p->target_slot);',
    replace: '(void)fleet_model_load(a, p->target_slot);\n  fleet_update_commit(a);',
  },
  {
    name: 'a record counts without its CRC',
    file: 'records.c',
    find: ' || record_crc(head, at, n) != load_le32(head + 4)',
    replace: '',
  },
  {
    name: 'the active slot is erased',
    file: 'transfer.c',
    find: 'return p->active_slot ^ 1u;',
    replace: 'return p->active_slot;',
  },
  {
    name: 'records are appended to what a boot has found',
    file: 'records.c',
    find: 'r->loose = 2;',
    replace: 'r->loose = 0;',
  },
  { name: 'faulty resets are not counted', file: 'update.c', find: ' p->attempts++;', replace: ' {}' },
];

/** The firmware with the bug in it. */
export async function buildWith({ file, find, replace }: PlantedBug): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-planted-'));
  try {
    for (const part of ['runtime', 'dsp', 'agent/src', 'agent/include', 'ports/wasm'])
      await cp(join(firmware, part), join(folder, part), { recursive: true });
    const path = join(folder, 'agent/src', file);
    const text = await readFile(path, 'utf8');
    if (text.split(find).length !== 2) throw new Error(`${file} has not one place that says ${find}`);
    await writeFile(path, text.replace(find, () => replace));
    const builder = pathToFileURL(join(folder, 'ports/wasm/build.mjs')).href;
    const { build } = (await import(builder)) as { build(o: { native: boolean }): Promise<{ wasm: Uint8Array }> };
    return (await build({ native: true })).wasm;
  } finally {
    await rm(folder, { recursive: true });
  }
}
