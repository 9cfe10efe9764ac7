// MaxPool, AveragePool and their global forms. Pools keep their input's scale, as TFLite's do.
import { pad } from '../../net/emit.js';
import { NO_PADDING, type Pair } from '../../net/graph-writer.js';
import type { OnnxContext } from '../context.js';
import { ceiled, pair, windowOf } from '../windows.js';

type Kind = 'average_pool_2d' | 'max_pool_2d';

export function importPool(kind: Kind, c: OnnxContext): void {
  if (c.outputs > 1) throw c.option('indices of the largest elements (a second output)');
  const x = c.spatial(0);
  const [, h, w] = c.writer.shape(x.id) as [number, number, number];
  if (c.ints('kernel_shape') === null) throw c.invalid('it has no kernel_shape');
  const filter = pair(c, 'kernel_shape', x.rank);
  const window = windowOf(c, x.rank, [h, w], filter);
  if (window.dilation.some((d) => d !== 1)) throw c.option('dilation');
  const ceil = c.int('ceil_mode', 0) !== 0;
  const padding = ceil ? ceiled(window, [h, w], filter) : window.padding;
  const { writer, name } = c;
  const padded = Object.values(padding).some((n) => n > 0);
  const counted = kind === 'average_pool_2d' && c.int('count_include_pad', 0) !== 0 && padded;
  if (counted && ceil) throw c.option('ceil_mode with count_include_pad');
  // TFLite's average leaves padding out, so counted zeros must be there.
  const { top, left, bottom, right } = padding;
  const amounts: Pair[] = [[0, 0], [top, bottom], [left, right], [0, 0]]; // prettier-ignore
  const input = counted ? pad(writer, x.id, { amounts, name: `${name}/pad` }) : x.id;
  const y = writer.pool2d(kind, input, {
    filter,
    stride: window.stride,
    padding: counted ? NO_PADDING : padding,
    name,
  });
  c.spatialResult(y, x.rank);
}

export function importGlobalPool(kind: Kind, c: OnnxContext): void {
  const x = c.spatial(0);
  const [, h, w] = c.writer.shape(x.id) as [number, number, number];
  const { name } = c;
  const y = c.writer.pool2d(kind, x.id, { filter: [h, w], stride: [1, 1], padding: NO_PADDING, name });
  c.spatialResult(y, x.rank);
}
