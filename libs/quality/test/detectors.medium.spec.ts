/** Detectors alarm at the very observations that the shared vectors name, each case under its id. */
import { expect, it } from '@jest/globals';
import { describeWith } from '@tinyfleet/testing';
import {
  Adwin,
  Cusum,
  Ddm,
  Eddm,
  HddmA,
  HddmW,
  PageHinkley,
  type AdwinOptions,
  type Detector,
  type Level,
} from '../src/detectors/index.js';
import { detectorIds, driftVectors, streamOf, type DriftCase } from './drift-vectors.js';

/** Indices of alarms, and of the first warning before each. */
function run(detector: Detector, stream: readonly number[]) {
  const alarms: number[] = [];
  const warnings: number[] = [];
  let warned = false;
  stream.forEach((x, i) => {
    const level: Level = detector.update(x);
    if (level === 'warning' && !warned) {
      warnings.push(i);
      warned = true;
    }
    if (level === 'drift') {
      alarms.push(i);
      warned = false;
    }
  });
  return { alarms, warnings };
}

const number = (one: DriftCase, name: string) => one.params?.[name] as number;
const adwinOptions = (one: DriftCase, more: AdwinOptions = {}): AdwinOptions => ({
  delta: number(one, 'delta'),
  clock: number(one, 'clock'),
  maxBuckets: number(one, 'max_buckets'),
  minWindow: number(one, 'min_window_length'),
  grace: number(one, 'grace_period'),
  ...more,
});
const pageHinkley = (one: DriftCase, more = {}) =>
  new PageHinkley({
    minObservations: number(one, 'min_instances'),
    delta: number(one, 'delta'),
    threshold: number(one, 'threshold'),
    alpha: number(one, 'alpha'),
    ...more,
  });
const hddm = (one: DriftCase) => ({
  drift: number(one, 'drift_confidence'),
  ...(one.params?.warning_confidence === undefined ? {} : { warning: number(one, 'warning_confidence') }),
  twoSided: one.params?.two_sided === true,
});

const made: Record<string, (one: DriftCase) => Detector> = {
  'river-adwin-': (one) => new Adwin(adwinOptions(one)),
  'river-adwin-s1-old': (one) => new Adwin(adwinOptions(one, { skipsNewestOfSize: true })),
  'river-ph-': (one) => pageHinkley(one),
  'river-ddm-': (one) =>
    new Ddm({
      warmUp: number(one, 'warm_start'),
      warning: number(one, 'warning'),
      drift: number(one, 'drift'),
    }),
  'river-eddm-': (one) =>
    new Eddm({ warmUp: number(one, 'warm_start'), alpha: number(one, 'alpha'), beta: number(one, 'beta') }),
  'river-hddma-': (one) => new HddmA(hddm(one)),
  'river-hddmw-': (one) => new HddmW({ ...hddm(one), lambda: number(one, 'lambda') }),
  // The release that this case is from started its cut for falls at infinity, and so found none; later ones say 1032 too.
  'river-hddmw-s3': (one) => new HddmW({ ...hddm(one), lambda: number(one, 'lambda'), twoSided: false }),
  'river-cusum-': (one) =>
    new Cusum({
      learnFrom: number(one, 'min_instances'),
      shift: 2 * number(one, 'slack'),
      threshold: number(one, 'threshold'),
    }),
};

describeWith(['shared-data'], 'the shared drift vectors of detectors', () => {
  const cases = driftVectors().vectors.filter(({ id }) => detectorIds.test(id));

  it.each(cases.filter(({ expected }) => 'alarms' in expected || 'n_alarms' in expected))(
    'should alarm as $id',
    (one) => {
      const prefix = Object.keys(made)
        .filter((key) => one.id.startsWith(key))
        .sort((a, b) => b.length - a.length)[0]!;
      const { alarms, warnings } = run(made[prefix]!(one), streamOf(one.input.stream));
      if ('n_alarms' in one.expected) return expect(alarms).toHaveLength(one.expected.n_alarms as number);
      expect(alarms).toEqual(one.expected.alarms);
      if ('warnings' in one.expected) expect(warnings).toEqual(one.expected.warnings);
      if ('warning_first' in one.expected) expect(warnings[0]).toBe(one.expected.warning_first);
    },
  );

  it('should find the fall in the stream of river-hddmw-s3, as later releases do', () => {
    const detector = new HddmW({ drift: 0.001, lambda: 0.05, twoSided: true });
    expect(run(detector, streamOf('river_s3_bits')).alarms).toEqual([507, 1032, 1508]);
  });

  it('should keep the window of river-adwin-stats', () => {
    const one = cases.find(({ id }) => id === 'river-adwin-stats')!;
    const detector = new Adwin({ clock: one.input.clock as number });
    run(detector, streamOf(one.input.stream));
    expect(detector.window.n).toBe(one.expected.width);
    expect(detector.window.sum).toBeCloseTo(one.expected.total as number, 6);
    expect(detector.window.squares).toBeCloseTo(one.expected.sum_sq_dev as number, 6);
  });

  it('should alarm as derived-ph2-s1 in both forms', () => {
    const one = cases.find(({ id }) => id === 'derived-ph2-s1')!;
    const stream = streamOf(one.input.stream);
    const alarms = (direction: 'up' | 'both') =>
      run(pageHinkley(one, { clipped: false, direction }), stream).alarms;
    expect(alarms('both')).toEqual(one.expected.alarms_both);
    expect(alarms('up')).toEqual(one.expected.alarms_up);
  });

  it('should leave out no case of a detector', () => {
    expect(cases).toHaveLength(19);
  });
});
