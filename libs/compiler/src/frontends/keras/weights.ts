// Where a layer's weights are, in each kind of file. A layer asks by variable name and by its place in the order Keras
// builds variables in; stores know one or the other.
import { damaged } from '../limits.js';
import { floats, product, type NdArray } from '../net/nd-array.js';
import type { Hdf5File } from './hdf5.js';

export interface LayerPath {
  /** Names of the models around it and its own, outermost first. */
  readonly names: readonly string[];
  /** The same as groups of Keras 3: snake-case class names, numbered. */
  readonly groups: readonly string[];
}

export interface WeightStore {
  /** Null when there is none. */
  find(layer: LayerPath, variable: string, index: number): NdArray | null;
}

/** Weights with names like `conv1/kernel:0`: tfjs, and (within a layer's group) HDF5 of Keras 1 and 2. */
export class NamedWeights implements WeightStore {
  /** A part of a path -> variable -> weights with both in their names. */
  private readonly parts = new Map<string, Map<string, Named[]>>();
  private readonly layers = new Map<string, (() => NdArray)[]>();

  /** `group`: the outermost layer it is filed under, when the file has such groups. */
  add(name: string, read: () => NdArray, group?: string): void {
    const path = name.replace(/:\d+$/, '').split('/');
    const variable = path.pop()!;
    const full = group === undefined ? path : [group, ...path];
    for (const part of new Set(full)) {
      const variables = this.parts.get(part) ?? new Map<string, Named[]>();
      this.parts.set(part, variables);
      const same = variables.get(variable) ?? [];
      if (same.push({ path: full, read }) === 1) variables.set(variable, same);
    }
    if (group === undefined) return;
    const inGroup = this.layers.get(group) ?? [];
    if (inGroup.push(read) === 1) this.layers.set(group, inGroup);
  }

  find({ names }: LayerPath, variable: string, index: number): NdArray | null {
    const own = names.at(-1)!;
    // Of layers that share a name in several models the one whose models match best.
    let [best, most] = [null as Named | null, 0];
    for (const candidate of this.parts.get(own)?.get(variable) ?? []) {
      const score = names.filter((name) => candidate.path.includes(name)).length;
      if (score > most) [best, most] = [candidate, score];
    }
    if (best !== null) return best.read();
    // A layer built under another name keeps its order.
    return names.length === 1 ? (this.layers.get(own)?.[index]?.() ?? null) : null;
  }
}

interface Named {
  readonly path: readonly string[];
  readonly read: () => NdArray;
}

/** HDF5 of `model.save('x.h5')`: /model_weights/<layer>, whose attribute weight_names lists what is below. */
export function legacyWeights(file: Hdf5File): NamedWeights {
  const root = file.links('/model_weights') === null ? '' : '/model_weights';
  const weights = new NamedWeights();
  for (const layer of file.links(root) ?? []) {
    if (layer === 'top_level_model_weights') continue;
    for (const name of attributeList(file, `${root}/${layer}`, 'weight_names'))
      weights.add(name, () => read(file, `${root}/${layer}/${name}`), layer);
  }
  return weights;
}

/** Attributes beyond 64 KB are split into name0, name1, ... */
function attributeList(file: Hdf5File, path: string, name: string): string[] {
  const whole = file.text(path, name);
  if (whole !== null) return typeof whole === 'string' ? [whole] : whole;
  const parts: string[] = [];
  for (let i = 0; ; i++) {
    const part = file.text(path, `${name}${i}`);
    if (part === null) return parts;
    parts.push(...(typeof part === 'string' ? [part] : part));
  }
}

/** model.weights.h5 of Keras 3: groups of numbered variables named after classes, in layer order. */
export class GroupedWeights implements WeightStore {
  private readonly container: string;

  constructor(private readonly file: Hdf5File) {
    const containers = ['layers', '_layer_checkpoint_dependencies'];
    this.container = containers.find((name) => file.links(`/${name}`) !== null) ?? 'layers';
  }

  find({ groups }: LayerPath, variable: string, index: number): NdArray | null {
    const path = groups.map((group) => `/${this.container}/${group}`).join('');
    // Recurrent layers keep their variables in a cell.
    for (const vars of [`${path}/vars`, `${path}/cell/vars`]) {
      const names = this.file.links(vars);
      if (names === null || names.length === 0) continue;
      const name = names.includes(variable) ? variable : String(index);
      if (names.includes(name)) return read(this.file, `${vars}/${name}`);
    }
    return null;
  }
}

function read(file: Hdf5File, path: string): NdArray {
  const dataset = file.dataset(path);
  if (dataset === null) throw damaged(`dataset ${path} is missing`, 0);
  return { ...floats([], []), shape: dataset.shape, values: dataset.values };
}

/** Rejects weights of another size than the layer's configuration says. */
export function fits(array: NdArray, shape: readonly number[]): boolean {
  return array.shape.join() === shape.join() && array.values.length === product(shape);
}
