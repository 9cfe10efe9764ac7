// What an update of a model costs on the wire: bundles of the real compiler before and after an edit, as full, compressed and
// delta payloads, each proved by the device's decoder. Used by the tests of the bars and by the bench of the agent.
import { createHash } from 'node:crypto';
import { compile, tfliteModel, type Graph } from '@tinyfleet/compiler';
import { applyPayload } from '@tinyfleet/runtime';
import { encodeCompressed, encodeDelta, type EncodeOptions } from '@tinyfleet/wire';
import { addClass, tuneAllLayers, tuneLastLayer } from './updates.js';

export interface UpdateSize {
  readonly update: UpdateName;
  /** The new bundle: what the method `full` sends. */
  readonly full: number;
  readonly compressed: number;
  readonly delta: number;
}

export type UpdateName = 'labels' | 'last-layer' | 'all-layers' | 'one-more-class' | 'other-version';

export interface UpdateSource {
  readonly fileName: string;
  readonly bytes: Uint8Array;
  /** As many as the model has classes. */
  readonly labels: readonly string[];
  /** A model file of the same shape with other weights altogether. */
  readonly other?: Uint8Array;
}

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };

/** The bundle of a model, and those of its edits. */
export async function updatedBundles(
  source: UpdateSource,
): Promise<{ readonly base: Uint8Array; readonly updates: ReadonlyMap<UpdateName, Uint8Array> }> {
  const { fileName, labels } = source;
  const model = fileName.replace(/\.[^.]*$/, '');
  const build = (bytes: Uint8Array, version: string, names = labels) =>
    compile({ bytes, fileName }, { deviceType, model, version, labels: names });
  const { bundle: base, graph } = await build(source.bytes, '1.0.0');
  const edited = async (edit: Graph, names = labels): Promise<Uint8Array> =>
    (await build(tfliteModel({ graph: edit }), '1.1.0', names)).bundle;
  const updates = new Map<UpdateName, Uint8Array>([
    [
      'labels',
      await edited(
        graph,
        labels.map((label) => `${label} (new)`),
      ),
    ],
    ['last-layer', await edited(tuneLastLayer(graph))],
    ['all-layers', await edited(tuneAllLayers(graph))],
    ['one-more-class', await edited(addClass(graph), [...labels, 'one more'])],
  ]);
  if (source.other !== undefined) updates.set('other-version', (await build(source.other, '1.1.0')).bundle);
  return { base, updates };
}

/** Throws when a payload gives other bytes than the bundle it stands for. */
export async function measureUpdates(
  source: UpdateSource,
  options: EncodeOptions = {},
): Promise<UpdateSize[]> {
  const { base, updates } = await updatedBundles(source);
  const sizes: UpdateSize[] = [];
  for (const [update, target] of updates) {
    const compressed = encodeCompressed(target, options);
    const delta = encodeDelta(base, target, options);
    await prove(compressed, { target, ...options });
    await prove(delta, { target, base, ...options });
    sizes.push({ update, full: target.length, compressed: compressed.length, delta: delta.length });
  }
  return sizes;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function prove(
  payload: Uint8Array,
  { target, base, sectorBytes }: EncodeOptions & { readonly target: Uint8Array; readonly base?: Uint8Array },
): Promise<void> {
  const result = await applyPayload(payload, { base, resultBytes: target.length, sectorBytes });
  if (sha256(result) !== sha256(target))
    throw new Error('invariant: a payload gives other bytes than it was made of');
}
