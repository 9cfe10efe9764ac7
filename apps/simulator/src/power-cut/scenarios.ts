/**
 * What the devices of the power-cut sweep go through: each scenario is a list of stages that end on a condition. After a cut a
 * device is expected to reach the condition of the stage it was in, and then those that follow, whatever was lost.
 */
import type { State } from '@tinyfleet/wire';
import { InfoWord } from '../device/firmware.js';
import { ResetCause, UpdateState, type CutDevice } from './cut-device.js';
import {
  command,
  committed,
  failing,
  grown,
  named,
  type Bundle,
  rotateKey,
  type Release,
} from './releases.js';

export interface Stage {
  /** What the platform wants from here on; null = nothing. */
  readonly want?: Release | null;
  /** The stage begins with this reset. */
  readonly reset?: number;
  /** When the stage begins the world does this to the device. */
  readonly before?: (device: CutDevice) => void;
  /** The sensor gives nothing. */
  readonly silent?: boolean;
  readonly offline?: boolean;
  /** The platform sends so many bytes of a payload and no more. */
  readonly limit?: number;
  /** A command, sent before the wish, at every hello. */
  readonly ask?: Uint8Array;
  /** It is sent again when the device tells this state. */
  readonly askIn?: State['updateState'];
  readonly until: (device: CutDevice) => boolean;
}

export interface Scenario {
  readonly name: string;
  /** In slot 0 from the factory. */
  readonly factory: Release | null;
  /** Run before operations count. */
  readonly prepare?: readonly Stage[];
  readonly stages: readonly Stage[];
  /** What may be active after a cut, at any time; '' = none, and the device says so. */
  readonly mayRun: readonly (Bundle | '')[];
  /** What is active in the end. */
  readonly ends: Bundle | '';
  /** A slot's bytes change while the device calls it complete. */
  readonly rots?: boolean;
  /** This flash sector takes nothing any more: stages may end without their condition, and any model of the scenario stays. */
  readonly worn?: number;
  /** 1 = a one-slot device: an update overwrites what runs, and a cut may leave no model until it has come again. */
  readonly slots?: 1;
  /** It has RAM for a whole bundle, in which an update is proven first. */
  readonly bundleRam?: true;
  /** Length of a telemetry window; absent: none ends. */
  readonly windowS?: number;
  /** Small enough for all pairs of cuts. */
  readonly pairs?: boolean;
}

const LONG_S = 100_000;

const a = named('a', committed('dense-net'));
const a2 = named('a2', grown(committed('dense-net'), 400, 3)); // with the inputs and outputs of a
const b = named('b', grown(committed('residual-net'), 3_296, 1)); // above one grain of recorded progress
const c = named('c', committed('conv-net'));
const d = named('d', grown(committed('residual-net'), 3_296, 2)); // b with some bytes changed all over
const bad = named('bad', failing(committed('conv-net')));

export const BUNDLES: readonly Bundle[] = [a, b, c, d, a2, bad];

const release = (bundle: Bundle, sequence: number, more: Partial<Release> = {}): Release => ({
  bundle, sequence, soakS: 1, ...more,
}); // prettier-ignore

const active =
  (bundle: Bundle, state: number = UpdateState.active) =>
  (device: CutDevice): boolean =>
    device.updateState === state && device.inferences > 0 && device.activeDigest === bundle.id;
const reaches =
  (...states: number[]) =>
  (device: CutDevice): boolean =>
    states.includes(device.updateState);

const install = (bundle: Bundle, sequence: number): Stage => ({
  want: release(bundle, sequence),
  until: active(bundle),
});
const soaking = (bundle: Bundle, sequence: number): Stage => ({
  want: release(bundle, sequence, { soakS: LONG_S }),
  until: active(bundle, UpdateState.soak),
});

function shadowing(bundle: Bundle, sequence: number): Stage {
  return {
    want: release(bundle, sequence, { shadowEvery: 1 }),
    until: (device) => device.updateState === UpdateState.shadow && device.inferences > 2,
  };
}

/** The platform wants what runs already. */
function keep(bundle: Bundle): Stage {
  return { want: release(bundle, 2), until: active(bundle) };
}

/** A payload that is not what its manifest says. */
function spoiled(bundle: Bundle, sequence: number): Release {
  return release(bundle, sequence, { payload: bundle.bytes.map((byte, i) => (i === 700 ? byte ^ 1 : byte)) });
}

/** A bit of the active slot changes while power is off; the device ends up with `bundle`, or without one. */
function rot(bundle: Bundle | '', ...states: number[]): Stage {
  return {
    want: null,
    before: (device) => device.flash.flip(device.slotOffset(device.activeSlot) + 300, 3),
    reset: ResetCause.powerOn,
    until: bundle === '' ? reaches(...states) : active(bundle, ...states),
  };
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'first install',
    factory: null,
    stages: [install(a, 2)],
    mayRun: ['', a],
    ends: a,
    pairs: true,
  },
  { name: 'full update', factory: release(a, 2), stages: [install(b, 4)], mayRun: [a, b], ends: b },
  {
    name: 'delta update',
    factory: release(b, 2),
    stages: [{ want: release(d, 4, { by: b }), until: active(d) }],
    mayRun: [b, d],
    ends: d,
  },
  {
    name: 'compressed update',
    factory: release(a, 2),
    stages: [{ want: release(b, 4, { by: 'compressed' }), until: active(b) }],
    mayRun: [a, b],
    ends: b,
  },
  {
    name: 'key rotation',
    factory: release(a, 2),
    stages: [
      { ask: rotateKey(1, 1), want: release(c, 4, { nextKey: true }), until: active(c) },
      { want: release(a, 6, { nextKey: true }), until: active(a) },
    ],
    mayRun: [a, c],
    ends: a,
  },
  {
    name: 'rollback',
    factory: release(a, 2),
    prepare: [install(c, 4)],
    stages: [install(a, 2)],
    mayRun: [a, c],
    ends: a,
    pairs: true,
  },
  {
    name: 'rollback during soak',
    factory: release(a, 2),
    prepare: [soaking(c, 4)],
    stages: [install(a, 2)],
    mayRun: [a, c],
    ends: a,
  },
  {
    name: 'self-test fails',
    factory: release(a, 2),
    stages: [{ want: release(bad, 4), until: active(a, UpdateState.reverted) }, install(c, 6)],
    mayRun: [a, c],
    ends: c,
  },
  {
    name: 'first install fails its self-test',
    factory: null,
    stages: [{ want: release(bad, 4), until: reaches(UpdateState.failed) }, install(c, 6)],
    mayRun: ['', c],
    ends: c,
  },
  {
    name: 'revert by resets in soak',
    factory: release(a, 2),
    stages: [
      soaking(c, 4),
      { reset: ResetCause.watchdog, until: (device) => device.inferences > 0 },
      { reset: ResetCause.fault, until: (device) => device.inferences > 0 },
      { reset: ResetCause.brownOut, until: active(a, UpdateState.reverted) },
    ],
    mayRun: [a, c],
    ends: a,
  },
  {
    name: 'revert by a silent sensor',
    factory: release(a, 2),
    prepare: [{ until: (device) => device.inferences > 0 }],
    stages: [
      {
        want: release(c, 4),
        silent: true,
        until: (device) => device.updateState === UpdateState.reverted && device.activeDigest === a.id,
      },
      { until: active(a, UpdateState.reverted) },
    ],
    mayRun: [a, c],
    ends: a,
  },
  {
    name: 'first install, silent sensor',
    factory: null,
    stages: [{ want: release(c, 4), silent: true, until: reaches(UpdateState.failed) }, install(a, 6)],
    mayRun: ['', c, a],
    ends: a,
  },
  {
    name: 'superseded soak, reverted',
    factory: release(a, 2),
    prepare: [soaking(c, 4)],
    stages: [{ want: release(b, 6, { supersede: 'revert' }), until: active(b) }],
    mayRun: [a, b, c],
    ends: b,
  },
  {
    name: 'superseded soak, committed',
    factory: release(a, 2),
    prepare: [soaking(c, 4)],
    stages: [{ want: release(b, 6, { supersede: 'commit' }), until: active(b) }],
    mayRun: [b, c],
    ends: b,
  },
  {
    name: 'stopped and begun again',
    factory: release(a, 2),
    stages: [
      {
        want: release(b, 4),
        limit: 5_000,
        until: (device) => device.updateState === UpdateState.fetching && device.inferences > 4,
      },
      { want: null, until: reaches(UpdateState.idle) },
      install(b, 4),
    ],
    mayRun: [a, b],
    ends: b,
  },
  {
    name: 'wrong payload',
    factory: release(a, 2),
    stages: [{ want: spoiled(c, 4), until: reaches(UpdateState.failed) }, install(c, 4)],
    mayRun: [a, c],
    ends: c,
  },
  {
    name: 'rotten active slot',
    rots: true,
    factory: release(a, 2),
    prepare: [install(c, 4)],
    stages: [rot(a, UpdateState.reverted), install(b, 6)],
    mayRun: [a, b, c],
    ends: b,
  },
  {
    name: 'rotten active slot in soak',
    rots: true,
    factory: release(a, 2),
    prepare: [soaking(c, 4)],
    stages: [rot(a, UpdateState.reverted), install(b, 6)],
    mayRun: [a, b, c],
    ends: b,
  },
  {
    name: 'rotten only slot',
    rots: true,
    factory: release(a, 2),
    stages: [{ until: (device) => device.inferences > 0 }, rot('', UpdateState.failed), install(c, 6)],
    mayRun: ['', a, c],
    ends: c,
  },
  {
    name: 'rotten active slot while fetching',
    rots: true,
    factory: release(a, 2),
    prepare: [{ want: release(b, 4), limit: 5_000, until: reaches(UpdateState.fetching) }],
    stages: [{ ...rot('', UpdateState.failed), limit: 5_000 }, install(b, 4)],
    mayRun: ['', a, b],
    ends: b,
  },
  {
    name: 'rotten slot, then nothing',
    rots: true,
    factory: release(a, 2),
    prepare: [
      { want: release(b, 4), limit: 5_000, until: reaches(UpdateState.fetching) },
      { want: null, until: reaches(UpdateState.idle) },
    ],
    stages: [rot('', UpdateState.failed), install(b, 4)],
    mayRun: ['', a, b],
    ends: b,
  },
  {
    name: 'rotten slot after a revert',
    rots: true,
    factory: release(a, 2),
    prepare: [{ want: release(bad, 4), until: active(a, UpdateState.reverted) }],
    stages: [rot('', UpdateState.failed), install(c, 6)],
    mayRun: ['', a, c],
    ends: c,
  },
  {
    name: 'fetch aborted by command',
    factory: release(a, 2),
    stages: [
      {
        want: release(b, 4),
        limit: 5_000,
        until: (device) => device.updateState === UpdateState.fetching && device.inferences > 4,
      },
      { ask: command({ counter: 1, command: 'abort' }), until: reaches(UpdateState.aborted) },
      install(b, 4),
    ],
    mayRun: [a, b],
    ends: b,
  },
  {
    name: 'trial aborted by command',
    factory: release(a, 2),
    stages: [
      {
        want: release(b, 4, { soakS: LONG_S }),
        ask: command({ counter: 1, command: 'abort' }),
        askIn: 'trial',
        until: reaches(UpdateState.aborted),
      },
      install(b, 4),
    ],
    mayRun: [a, b],
    ends: b,
  },
  {
    name: 'soak aborted by command',
    factory: release(a, 2),
    prepare: [soaking(c, 4)],
    stages: [
      { ask: command({ counter: 1, command: 'abort' }), until: active(a, UpdateState.aborted) },
      install(c, 4),
    ],
    mayRun: [a, c],
    ends: c,
  },
  {
    name: 'sent back and forth by command',
    factory: release(a, 2),
    prepare: [install(c, 4)],
    stages: [
      { ask: command({ counter: 1, command: 'revert' }), until: active(a, UpdateState.reverted) },
      install(c, 4),
    ],
    mayRun: [a, c],
    ends: c,
  },
  {
    name: 'switch aborted, then the active slot rots',
    rots: true,
    factory: release(a, 2),
    prepare: [
      install(c, 4),
      {
        want: release(a, 2),
        ask: command({ counter: 1, command: 'abort' }),
        askIn: 'trial',
        until: reaches(UpdateState.aborted),
      },
    ],
    stages: [rot(a, UpdateState.reverted), install(b, 6)],
    mayRun: [a, b, c],
    ends: b,
  },
  {
    name: 'slot erased by command',
    factory: release(a, 2),
    prepare: [install(b, 4)],
    stages: [
      {
        ask: command({ counter: 1, command: 'erase', argument: 0 }),
        until: (device) => device.slot(0).state === 0,
      },
      install(c, 6),
    ],
    mayRun: [b, c],
    ends: c,
  },
  {
    name: 'back to what runs',
    factory: release(a, 2),
    stages: [
      { want: release(b, 4), limit: 5_000, until: reaches(UpdateState.fetching) },
      keep(a),
      { want: release(b, 4), limit: 5_000, until: reaches(UpdateState.fetching) },
      { want: null, until: reaches(UpdateState.idle) },
      keep(a),
      { want: release(bad, 6), until: reaches(UpdateState.reverted) },
      keep(a),
      { want: spoiled(c, 8), until: reaches(UpdateState.failed) },
      keep(a),
      { want: release(b, 10), limit: 5_000, until: reaches(UpdateState.fetching) },
      { ask: command({ counter: 1, command: 'abort' }), limit: 5_000, until: reaches(UpdateState.aborted) },
      keep(a),
    ],
    mayRun: [a],
    ends: a,
  },
  {
    name: 'no model, one staged',
    rots: true,
    factory: release(a, 2),
    prepare: [
      install(c, 4),
      soaking(b, 6),
      { ask: command({ counter: 1, command: 'abort' }), until: active(c, UpdateState.aborted) },
    ],
    stages: [rot('', UpdateState.failed), install(b, 6)],
    mayRun: ['', b, c],
    ends: b,
  },
  {
    name: 'no model, one staged, another begun',
    rots: true,
    factory: release(a, 2),
    prepare: [
      install(c, 4),
      soaking(b, 6),
      { ask: command({ counter: 1, command: 'abort' }), until: active(c, UpdateState.aborted) },
      rot('', UpdateState.failed),
    ],
    stages: [
      { want: release(a, 8), limit: 500, until: reaches(UpdateState.fetching) },
      { want: null, until: reaches(UpdateState.idle) },
      install(b, 8),
    ],
    mayRun: ['', b],
    ends: b,
  },
  {
    name: 'no model, one staged, another given up',
    rots: true,
    factory: release(a, 2),
    prepare: [
      install(c, 4),
      soaking(b, 6),
      { ask: command({ counter: 1, command: 'abort' }), until: active(c, UpdateState.aborted) },
      rot('', UpdateState.failed),
      { want: release(a, 8), limit: 500, until: reaches(UpdateState.fetching) },
    ],
    stages: [install(b, 8)],
    mayRun: ['', b],
    ends: b,
  },
  {
    name: 'shadow, then trial',
    factory: release(a, 2),
    stages: [shadowing(a2, 4), install(a2, 4)],
    mayRun: [a, a2],
    ends: a2,
  },
  {
    name: 'shadow given up',
    factory: release(a, 2),
    stages: [
      shadowing(a2, 4),
      { ask: command({ counter: 1, command: 'abort' }), until: reaches(UpdateState.aborted) },
      shadowing(a2, 4),
      { want: null, until: reaches(UpdateState.idle) },
      shadowing(a2, 4),
      keep(a),
      shadowing(a2, 4),
      install(c, 6),
    ],
    mayRun: [a, c],
    ends: c,
  },
  {
    name: 'shadow that cannot be',
    factory: release(a, 2),
    stages: [
      { want: release(c, 4, { shadowEvery: 1 }), until: reaches(UpdateState.failed) },
      {
        want: release(c, 4, { shadowEvery: 1 }),
        until: (device) =>
          device.info(InfoWord.deployment) === 11 && device.updateState === UpdateState.failed,
      },
      install(c, 4),
    ],
    mayRun: [a, c],
    ends: c,
  },
  {
    name: 'shadow of what is retained',
    factory: release(a, 2),
    prepare: [
      install(a2, 4),
      { want: release(a, 2, { shadowEvery: 1 }), until: reaches(UpdateState.shadow) },
    ],
    stages: [
      {
        ask: command({ counter: 1, command: 'revert' }),
        // The platform still wants it: it then says that this is what runs.
        until: (device) => active(a, UpdateState.reverted)(device) || active(a)(device),
      },
      install(a2, 4),
    ],
    mayRun: [a, a2],
    ends: a2,
  },
  {
    name: 'shadow after a revert',
    factory: release(a, 2),
    prepare: [install(a2, 4)],
    stages: [
      { ask: command({ counter: 1, command: 'revert' }), until: active(a, UpdateState.reverted) },
      shadowing(a2, 4),
      install(a2, 4),
    ],
    mayRun: [a, a2],
    ends: a2,
  },
  {
    name: 'shadow that resets the device',
    factory: release(a, 2),
    stages: [
      shadowing(a2, 4),
      { reset: ResetCause.watchdog, until: (device) => device.inferences > 0 },
      { reset: ResetCause.watchdog, until: (device) => device.inferences > 0 },
      { reset: ResetCause.watchdog, until: reaches(UpdateState.failed) },
      install(c, 6),
    ],
    mayRun: [a, c],
    ends: c,
  },
  {
    name: 'rotten active slot beside a shadow',
    rots: true,
    factory: release(a, 2),
    prepare: [shadowing(a2, 4)],
    stages: [rot('', UpdateState.failed), install(a2, 4)],
    mayRun: ['', a, a2],
    ends: a2,
  },
  {
    name: 'one slot, overwritten',
    slots: 1,
    factory: release(a, 2),
    stages: [install(b, 4)],
    mayRun: ['', a, b],
    ends: b,
  },
  {
    name: 'one slot, self-test fails',
    slots: 1,
    factory: release(a, 2),
    stages: [{ want: release(bad, 4), until: reaches(UpdateState.failed) }, install(c, 6)],
    mayRun: ['', a, c],
    ends: c,
  },
  {
    name: 'one slot, proven in RAM',
    slots: 1,
    bundleRam: true,
    factory: release(a, 2),
    stages: [install(b, 4)],
    mayRun: ['', a, b],
    ends: b,
  },
  {
    name: 'one slot, a delta refused, proven in RAM',
    slots: 1,
    bundleRam: true,
    factory: release(b, 2),
    stages: [{ want: release(d, 4, { by: b }), until: active(d) }],
    mayRun: ['', b, d],
    ends: d,
  },
  {
    name: 'one slot, compressed, proven in RAM',
    slots: 1,
    bundleRam: true,
    factory: release(a, 2),
    stages: [{ want: release(b, 4, { by: 'compressed' }), until: active(b) }],
    mayRun: ['', a, b],
    ends: b,
  },
  {
    // What fails in RAM never costs the model that runs.
    name: 'one slot, self-test fails in RAM',
    slots: 1,
    bundleRam: true,
    factory: release(a, 2),
    stages: [{ want: release(bad, 4), until: active(a, UpdateState.reverted) }],
    mayRun: [a],
    ends: a,
  },
  {
    name: 'one slot, power gone in the trial in RAM and in the copy',
    slots: 1,
    bundleRam: true,
    factory: release(a, 2),
    stages: [
      { want: release(b, 4), until: reaches(UpdateState.trial) },
      {
        reset: ResetCause.powerOn,
        // A cut save that reads well in the next boot only may have taken the device further than it is on record.
        until: (device) => reaches(UpdateState.verified)(device) || active(b)(device),
      },
      { reset: ResetCause.powerOn, until: active(b) },
    ],
    mayRun: ['', a, b],
    ends: b,
  },
  {
    name: 'one slot, sector wear at limit: slot',
    slots: 1,
    bundleRam: true,
    factory: release(a, 2),
    worn: 2 + 1,
    stages: [{ want: release(b, 4), until: reaches(UpdateState.failed) }],
    mayRun: ['', a],
    ends: '',
  },
  {
    name: 'one slot, silent sensor after a proof in RAM',
    slots: 1,
    bundleRam: true,
    factory: release(a, 2),
    prepare: [{ until: (device) => device.inferences > 0 }],
    stages: [{ want: release(c, 4), silent: true, until: reaches(UpdateState.failed) }, install(a, 6)],
    mayRun: ['', a, c],
    ends: a,
  },
  {
    name: 'sector wear at limit: records',
    factory: release(a, 2),
    worn: 1,
    stages: [install(c, 4), install(a, 2), install(c, 4)],
    mayRun: [a, c],
    ends: c,
  },
  {
    name: 'sector wear at limit: slot',
    factory: release(a, 2),
    worn: 2 + 8 + 1,
    stages: [install(b, 4)],
    mayRun: [a, b],
    ends: b,
  },
  {
    name: 'windows wait in the ring',
    factory: release(a, 2),
    windowS: 1,
    stages: [
      { offline: true, until: (device) => device.inferences > 24 },
      { until: (device) => device.platform.windows.size > 6 },
      { offline: true, until: (device) => device.inferences > 60 },
      { until: (device) => device.platform.windows.size > 12 },
    ],
    mayRun: [a],
    ends: a,
  },
];
