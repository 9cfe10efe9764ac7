// Keras architectures: what cannot be compiled is told all at once; limits; hostile configurations.
import { describe, expect, it } from '@jest/globals';
import { isFleetError, type FleetError } from '@tinyfleet/errors';
import type { ReportDiagnostic } from '../../ir/diagnostics.js';
import { DEFAULT_MODEL_LIMITS, type ModelLimits } from '../limits.js';
import type { Json } from './json.js';
import { importNetwork } from './network.js';
import { NamedWeights } from './weights.js';

const input = { class_name: 'InputLayer', config: { name: 'in', batch_shape: [null, 4] } };
const layer = (className: string, name: string, config: Record<string, Json> = {}): Json => ({
  class_name: className,
  config: { name, ...config },
});
const sequential = (...layers: Json[]): Json => ({
  class_name: 'Sequential',
  config: { name: 'net', layers },
});

function refused(architecture: Json, limits: Partial<ModelLimits> = {}): FleetError {
  try {
    importNetwork(
      { architecture, weights: new NamedWeights(), kerasMajor: 3 },
      { ...DEFAULT_MODEL_LIMITS, ...limits },
    );
  } catch (error) {
    if (isFleetError(error)) return error;
    throw error;
  }
  throw new Error('it was opened');
}

describe('a Keras architecture', () => {
  it('should name all layers it cannot have', () => {
    const error = refused(sequential(input, layer('GRU', 'g1'), layer('Lambda', 'l'), layer('GRU', 'g2')));
    expect(error.message).toContain('(2): GRU (g1, g2); Lambda (l)');
    const hints = (error.data['diagnostics'] as ReportDiagnostic[]).map(({ hint }) => hint);
    expect(hints.at(-1)).toContain('Lambda layer');
  });

  it('should collect what is wrong with several layers', () => {
    const branch = (name: string, config: Record<string, Json>): Json => ({
      ...(layer('Activation', name, config) as Record<string, Json>),
      inbound_nodes: [[['in', 0, 0, {}]]],
    });
    const error = refused({
      class_name: 'Functional',
      config: {
        name: 'net',
        layers: [input, branch('a', { activation: 'gelu' }), branch('b', { activation: 'exponential' })],
        input_layers: [['in', 0, 0]],
        output_layers: [
          ['a', 0, 0],
          ['b', 0, 0],
        ],
      },
    });
    expect((error.data['diagnostics'] as ReportDiagnostic[]).map(({ op }) => op)).toEqual(['a', 'b']);
  });

  it.each<[string, Json, string]>([
    ['nothing', null, 'no output'],
    ['no input shape', sequential(layer('Dense', 'd', { units: 2 })), 'does not say the shape'],
    [
      'open extents',
      sequential(layer('Flatten', 'f', { batch_input_shape: [null, null, 3] })),
      'only the batch',
    ],
    [
      'channels first',
      sequential(layer('Flatten', 'f', { batch_input_shape: [null, 3, 4], data_format: 'channels_first' })),
      'channels_first',
    ],
    [
      'weights that are not there',
      sequential(input, layer('Dense', 'd', { units: 2 })),
      'Weight kernel of layer d',
    ],
    ['units that are no count', sequential(input, layer('Dense', 'd', { units: -2 })), 'units is -2'],
    [
      'layers that wait for each other',
      {
        class_name: 'Functional',
        config: {
          layers: [{ ...(layer('ReLU', 'a') as Record<string, Json>), inbound_nodes: [[['a', 0, 0, {}]]] }],
          input_layers: [],
          output_layers: [['a', 0, 0]],
        },
      },
      'never computed',
    ],
  ])('should refuse %s', (_, architecture, words) => {
    expect(refused(architecture).message).toContain(words);
  });

  it('should bound models inside models', () => {
    let nested: Json = layer('ReLU', 'r');
    for (let depth = 0; depth < 9; depth++)
      nested = { class_name: 'Sequential', config: { name: `m${depth}`, layers: [nested] } };
    expect(refused(sequential(input, nested)).code).toBe('compiler.limit-exceeded');
    expect(() => refused(sequential(input, nested), { nesting: 9 })).toThrow('it was opened');
    expect(refused(sequential(input, nested), { nesting: 8 }).code).toBe('compiler.limit-exceeded');
  });

  it('should bound layers', () => {
    const layers = Array.from({ length: 9 }, (_, i) => layer('ReLU', `r${i}`));
    expect(() => refused(sequential(input, ...layers), { operators: 10 })).toThrow('it was opened');
    expect(refused(sequential(input, ...layers), { operators: 9 }).code).toBe('compiler.limit-exceeded');
  });

  it('should bound tensors that shapes alone ask for', () => {
    const wide = layer('ZeroPadding2D', 'z', { batch_input_shape: [null, 8, 8, 8], padding: 60_000 });
    expect(refused(sequential(wide)).code).toBe('compiler.limit-exceeded');
  });
});
