/** What somebody has chosen so far for a rollout, and the request it makes. Numbers are texts until they are right. */
import {
  defaultGateKinds,
  GateKind,
  RolloutCreate,
  type Resource,
  type RolloutCreateInput,
} from '@tinyfleet/contracts';
import { parseDuration } from '../duration-text.js';
import {
  abRequest,
  defined,
  newAb,
  newShadow,
  shadowRequest,
  type AbDraft,
  type ShadowDraft,
} from './compare.js';

export type Days = NonNullable<NonNullable<RolloutCreateInput['windows']>[number]['days']>;

export interface StepDraft {
  /** Stays the same while others are added and removed. */
  readonly id: number;
  readonly by: 'percent' | 'count' | 'group';
  readonly value: string;
  readonly soak: string;
  /** Empty: it may take for ever. */
  readonly maxSoak: string;
  readonly approval: boolean;
}
export interface WindowDraft {
  readonly id: number;
  readonly days: Days;
  readonly from: string;
  readonly to: string;
}
export interface Draft {
  /** Devices switch to the release, run it beside what they have, or some of them switch and are compared with the others. */
  readonly kind: Resource<'RolloutKind'>;
  readonly shadow: ShadowDraft;
  readonly ab: AbDraft;
  readonly steps: readonly StepDraft[];
  readonly holdBackPercent: string;
  readonly devicesPerMinute: string;
  readonly concurrentTransfers: string;
  readonly jitter: string;
  readonly windows: readonly WindowDraft[];
  readonly timeZone: string;
  readonly batteryFloorPercent: string;
  readonly connections: readonly string[];
  /** Margins by gate; a gate that is not there is not asked. */
  readonly gates: Readonly<Partial<Record<GateKind, string>>>;
  /** Of telemetry while gates are open. */
  readonly window: string;
  readonly maxFailurePercent: string;
  readonly deviceTimeout: string;
  readonly onFailure: Resource<'FailureAction'>;
  readonly onUndecided: Resource<'RolloutPolicy'>['onUndecided'];
  readonly dynamic: boolean;
  readonly approval: boolean;
  readonly priority: string;
}
type GateKind = Resource<'GateKind'>;

let lastId = 0;
export const newId = (): number => (lastId += 1);

export const newStep = (percent: number, soak: string): StepDraft => ({
  id: newId(),
  by: 'percent',
  value: String(percent),
  soak,
  maxSoak: '',
  approval: false,
});
const gatesWithDefaults = (): Draft['gates'] =>
  Object.fromEntries(defaultGateKinds.map((kind) => [kind, '']));

const base = (): Draft => ({
  kind: 'update',
  shadow: newShadow,
  ab: newAb,
  steps: [newStep(100, '0')],
  holdBackPercent: '',
  devicesPerMinute: '',
  concurrentTransfers: '',
  jitter: '0',
  windows: [],
  timeZone: 'UTC',
  batteryFloorPercent: '',
  connections: [],
  gates: {},
  window: '5 min',
  maxFailurePercent: '5',
  deviceTimeout: '10 min',
  onFailure: 'pause',
  onUndecided: 'pause',
  dynamic: false,
  approval: false,
  priority: '50',
});

export type PresetId = 'careful' | 'steps' | 'at-once' | 'shadow' | 'ab';
export const PRESETS: readonly {
  readonly id: PresetId;
  readonly title: string;
  readonly about: string;
  readonly draft: () => Draft;
}[] = [
  {
    id: 'careful',
    title: 'Careful',
    about: '1, 5, 20 and 100 %, a day each. Every step proves itself against the rest; goes back by itself.',
    draft: () => ({
      ...base(),
      steps: [1, 5, 20, 100].map((percent) => newStep(percent, '1 d')),
      gates: gatesWithDefaults(),
      onFailure: 'rollback',
    }),
  },
  {
    id: 'steps',
    title: 'In steps',
    about: '10, 50 and 100 %, an hour each. Every step proves itself; a person is asked when it does not.',
    draft: () => ({
      ...base(),
      steps: [10, 50, 100].map((percent) => newStep(percent, '1 h')),
      gates: gatesWithDefaults(),
    }),
  },
  {
    id: 'at-once',
    title: 'At once',
    about: 'All devices as fast as they come. Pauses when more than 5 of 100 fail. For a test bench.',
    draft: base,
  },
  {
    id: 'shadow',
    title: 'As a shadow',
    about: 'Runs for a day beside the model that is active. Shows how often both agree; no device switches.',
    draft: () => ({ ...base(), kind: 'shadow' }),
  },
  {
    id: 'ab',
    title: 'Compare',
    about: 'Half of the devices get it, until it is clear which version is better. Nobody is moved then.',
    draft: () => ({ ...base(), kind: 'ab' }),
  },
];

export interface Target {
  readonly release: string;
  readonly filter?: string;
  readonly group?: string;
  readonly seed: string;
}
export type Read = { readonly request: RolloutCreateInput } | { readonly problems: readonly string[] };

/** The request, or what is wrong in words. */
export function requestOf(draft: Draft, target: Target): Read {
  const problems: string[] = [];
  const number = (name: string, text: string): number | undefined => {
    if (text.trim() === '') return undefined;
    const value = Number(text);
    if (!Number.isFinite(value)) problems.push(`${name}: “${text}” is no number.`);
    return value;
  };
  const seconds = (name: string, text: string): number | undefined => {
    if (text.trim() === '') return undefined;
    const value = parseDuration(text);
    if (value === undefined) problems.push(`${name}: write “${text}” as 90 s, 10 min, 6 h or 3 d.`);
    return value;
  };
  const isUpdate = draft.kind === 'update';
  const drafted = draft.kind === 'ab' ? [] : draft.steps;
  const steps = drafted.map((step, index) => {
    const name = `Step ${index + 1}`;
    const { by, value, approval } = step;
    if (value.trim() === '') problems.push(`${name}: say how many.`);
    const who = by === 'group' ? value : number(name, value);
    return defined({
      [by]: who,
      soakSeconds: seconds(`${name}, soak`, step.soak),
      maxSoakSeconds: isUpdate ? seconds(`${name}, longest soak`, step.maxSoak) : undefined,
      approval,
    });
  });
  const kinds = GateKind.options.filter((kind) => isUpdate && draft.gates[kind] !== undefined);
  const gates = kinds.map((kind) => defined({ kind, margin: number(kind, draft.gates[kind] ?? '') }));
  const request = defined({
    ...target,
    steps: draft.kind === 'ab' ? undefined : steps,
    shadow: draft.kind === 'shadow' ? shadowRequest(draft.shadow, { number, seconds }) : undefined,
    ab: draft.kind === 'ab' ? abRequest(draft.ab, { number, seconds }) : undefined,
    holdBackPercent: isUpdate ? number('Hold-back', draft.holdBackPercent) : undefined,
    devicesPerMinute: number('Devices per minute', draft.devicesPerMinute),
    concurrentTransfers: number('Transfers at a time', draft.concurrentTransfers),
    jitterSeconds: seconds('Spread', draft.jitter),
    windows: draft.windows.map(({ days, from, to }) => ({ days, from, to })),
    timeZone: draft.timeZone,
    batteryFloorPercent: number('Battery', draft.batteryFloorPercent),
    connections: draft.connections.length === 0 ? undefined : [...draft.connections],
    gates:
      gates.length === 0
        ? undefined
        : defined({ gates, windowSeconds: seconds('Telemetry window', draft.window) }),
    maxFailurePercent: number('Failures', draft.maxFailurePercent),
    deviceTimeoutSeconds: seconds('Patience', draft.deviceTimeout),
    onFailure: draft.onFailure,
    onUndecided: isUpdate ? draft.onUndecided : undefined,
    dynamic: draft.dynamic,
    approval: draft.approval,
    priority: number('Priority', draft.priority),
  });
  if (problems.length > 0) return { problems };
  const read = RolloutCreate.safeParse(request);
  if (read.success) return { request: request as RolloutCreateInput };
  return {
    problems: read.error.issues.map(({ path, message }) => `${nameOfPath(path)}: ${message}.`),
  };
}

const NAMES: Readonly<Record<string, string>> = {
  filter: 'Devices',
  holdBackPercent: 'Hold-back',
  devicesPerMinute: 'Devices per minute',
  concurrentTransfers: 'Transfers at a time',
  jitterSeconds: 'Spread',
  windows: 'Windows',
  timeZone: 'Time zone',
  batteryFloorPercent: 'Battery',
  connections: 'Connections',
  gates: 'Gates',
  maxFailurePercent: 'Failures',
  deviceTimeoutSeconds: 'Patience',
  priority: 'Priority',
  steps: 'Steps',
  onFailure: 'When too many fail',
};
const AB_NAMES: Readonly<Record<string, string>> = {
  percent: 'Share',
  margin: 'Margin',
  minSeconds: 'Not before',
  maxSeconds: 'At the latest',
};

/** `["steps", 1, "percent"]` -> "Step 2". */
function nameOfPath([first, second]: readonly PropertyKey[]): string {
  if (first === 'steps' && typeof second === 'number') return `Step ${second + 1}`;
  if (first === 'ab') return AB_NAMES[String(second)] ?? 'Comparison';
  if (first === 'shadow') return second === 'every' ? 'Every' : 'Shadow runs';
  return NAMES[String(first)] ?? String(first);
}
