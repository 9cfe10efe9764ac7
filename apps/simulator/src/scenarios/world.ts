// The world of a scenario: which sensor each device has and how its machine lives. Decided by the seed and the
// device's place in the fleet alone, so a fleet of one seed is the same fleet every time.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FleetError } from '@tinyfleet/errors';
import {
  formatOf, KeywordSpectra, MachineLife, mix32, NoiseSensor, Random, readRecording, RecordedSensor, seedOf, SoundSensor, VibrationSensor,
  vibrationUnit, type FaultEpisode, type RawSensor, type Recording, type SensorStream, type VibrationDrift,
} from '@tinyfleet/sensors'; // prettier-ignore
import { Vibration, type LoadedScenario, type Scenario, type SensorSpec } from './scenario.js';

/** A device's sensor with the levers that events pull. */
export interface DeviceWorld {
  readonly sensor: SensorStream;
  readonly fallback: SensorStream;
  /** Every device has an accelerometer and a microphone. */
  readonly raw: readonly RawSensor[];
  /** Present for vibration only: events change it in place. */
  readonly drift: VibrationDrift | null;
  /** Present for vibration only: scripted faults, the first covering a time wins. */
  readonly episodes: FaultEpisode[] | null;
}

export class World {
  private readonly recordings = new Map<string, Recording>();

  constructor(private readonly loaded: LoadedScenario) {
    // A recording that is missing or broken is told before any device starts.
    for (const spec of loaded.scenario.sensors) if (spec.kind === 'recording') this.recording(spec);
  }

  /** The world of the device with this name; `place` 0..1 is its rank in the fleet, which shares cut. */
  device(name: string, place: number): DeviceWorld {
    const { scenario } = this.loaded;
    const seed = mix32(scenario.seed, seedOf(name));
    const spec = specAt(scenario, place);
    const fallback = new KeywordSpectra({ seed });
    const sound = new SoundSensor(seed);
    switch (spec.kind) {
      case 'vibration': {
        const episodes: FaultEpisode[] = [];
        const { mix, dailyLoad, episode: episodeMs, spread } = spec;
        const life = new MachineLife({ seed, mix, episodeMs, dailyLoad, episodes });
        const sensor = new VibrationSensor(seed, life, vibrationUnit(seed, { spread }));
        return { sensor, fallback, raw: [sensor, sound], drift: sensor.drift, episodes };
      }
      case 'spectra': {
        const { bands, words, silence } = spec;
        return {
          sensor: new KeywordSpectra({ seed, bands, words, silence }),
          fallback,
          raw: [bench(seed), sound],
          drift: null,
          episodes: null,
        };
      }
      case 'noise':
        return {
          sensor: new NoiseSensor(seed, spec.sigma),
          fallback,
          raw: [bench(seed), sound],
          drift: null,
          episodes: null,
        };
      case 'recording': {
        const { label, labels, hopValues, gain, offset, axes, once, frame: frameMs } = spec;
        const stuck = spec.stuck && { share: spec.stuck.share, forMs: spec.stuck.for };
        const options = { labels, hopValues, gain, offset, axes, once, stuck };
        return {
          sensor: new RecordedSensor(this.recording(spec), {
            label: label ?? null,
            frameMs,
            ...given(options),
          }),
          fallback,
          raw: [bench(seed), sound],
          drift: null,
          episodes: null,
        };
      }
    }
  }

  private recording(spec: Extract<SensorSpec, { kind: 'recording' }>): Recording {
    const recording = this.recordings.get(spec.file) ?? this.read(spec);
    const { axes } = spec;
    const { file, rowValues } = recording;
    if (axes && (axes.length !== rowValues || axes.some((axis) => Math.abs(axis) > rowValues))) {
      const problem = `axes ${axes.join(', ')} do not fit rows of ${rowValues} values`;
      throw new FleetError('simulator.recording-invalid', { file, format: spec.format ?? 'any', problem });
    }
    return recording;
  }

  private read(spec: Extract<SensorSpec, { kind: 'recording' }>): Recording {
    const file = path.resolve(this.loaded.folder, spec.file);
    const format = spec.format ?? formatOf(file);
    if (format === null) {
      const problem = 'the file name has no known ending; set format';
      throw new FleetError('simulator.recording-invalid', { file: spec.file, format: 'unknown', problem });
    }
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (cause) {
      throw new FleetError('simulator.recording-invalid', {
        file: spec.file,
        format,
        problem: (cause as Error).message,
      });
    }
    const recording = readRecording(spec.file, bytes, format);
    this.recordings.set(spec.file, recording);
    return recording;
  }
}

/** The devices an event means, the same ones every time for the same names. */
export function selectDevices<D extends { readonly name: string }>(
  devices: readonly D[],
  targets: number | { count: number } | string[],
  seed: number,
): D[] {
  if (Array.isArray(targets)) {
    const patterns = targets.map((t) => new RegExp(`^${t.split('*').map((s) => s.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`)); // prettier-ignore
    return devices.filter((device) => patterns.some((pattern) => pattern.test(device.name)));
  }
  const count = typeof targets === 'number' ? Math.round(targets * devices.length) : targets.count;
  if (count >= devices.length) return [...devices];
  const r = new Random(seed);
  return devices
    .map((device) => ({ device, rank: mix32(seed, seedOf(device.name)) + r.uniform() }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ device }) => device);
}

function specAt(scenario: Scenario, place: number): SensorSpec {
  const total = scenario.sensors.reduce((sum, spec) => sum + spec.share, 0);
  let rest = place * total;
  for (const spec of scenario.sensors) {
    rest -= spec.share;
    if (rest < 0) return spec;
  }
  return scenario.sensors.at(-1)!;
}

/** The accelerometer of a device whose scenario names no machine: one with the default life of such. */
function bench(seed: number): VibrationSensor {
  const { mix, dailyLoad, episode: episodeMs } = Vibration.parse({ kind: 'vibration' });
  return new VibrationSensor(seed, new MachineLife({ seed, mix, episodeMs, dailyLoad }));
}

function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
