/** Alerts as people read them: what a verdict means and where to look. The rules are in docs/design/quality.md. */
import type { Resource } from '@tinyfleet/contracts';

type Alert = Resource<'Alert'>;
type Verdict = NonNullable<Alert['verdict']>;

interface Words {
  readonly title: string;
  /** What it says of the cause. */
  readonly means: string;
  readonly lookAt: string;
}

const VERDICTS: Readonly<Record<Verdict, Words>> = {
  sensor: {
    title: 'Sensor',
    means:
      'What is measured has changed at its source: one device, a batch or a type, or samples that are stuck, saturated or dropped.',
    lookAt: 'its mount, its wiring, its supply',
  },
  'pre-processing': {
    title: 'Pre-processing',
    means: 'A version is concerned, or many devices right after they got one.',
    lookAt: 'what the release changed before the model',
  },
  'class mix': {
    title: 'Other classes than usual',
    means:
      'The predicted classes explain what the features do: each class looks as it did, they come in other numbers.',
    lookAt: 'whether the work of the devices has changed',
  },
  world: {
    title: 'The world has changed',
    means: 'A site, or everyone, and nothing is wrong with samples.',
    lookAt: 'what changed there; perhaps train with it',
  },
  unknown: {
    title: 'Unclear',
    means: 'Something moved, and the evidence fits no single cause.',
    lookAt: 'its evidence, feature by feature',
  },
};
const KINDS: Readonly<Record<Exclude<Alert['kind'], 'drift'>, Words>> = {
  silence: {
    title: 'Silent',
    means:
      'Most devices of the fleet, or of a group, are not heard any more: more than chance would have it.',
    lookAt: 'the network there, or the server',
  },
  revoked: {
    title: 'Revoked',
    means:
      'Devices that are heard still run a release that was revoked, after the time they had to leave it.',
    lookAt: 'why they do not update: deployments that failed, or no rollout that gives them another release',
  },
  away: {
    title: 'Away',
    means:
      'No edge is alive, so no device can reach the server. Nothing is known of devices meanwhile, and nobody is late for it.',
    lookAt: 'the edges: their processes, their network, their certificates',
  },
};

export const verdictWords = ({ kind, verdict }: Pick<Alert, 'kind' | 'verdict'>): Words =>
  kind === 'drift' ? VERDICTS[verdict ?? 'unknown'] : KINDS[kind];

/** The rule that opened it; of drift it is a comparison where the build, or other devices, stand in for a past of its own. */
export type Rule = 'cusum' | 'comparison' | 'missed rounds' | 'late' | 'revoked' | 'away';
export function ruleOf({
  kind,
  evidence,
}: Pick<Alert, 'kind'> & {
  readonly evidence: Pick<Resource<'AlertDetail'>['evidence'], 'falseDiscoveryRate' | 'roundSeconds'>;
}): Rule {
  switch (kind) {
    case 'drift':
      // Only what is judged against its own past has a rank.
      return evidence.falseDiscoveryRate === null ? 'comparison' : 'cusum';
    case 'silence':
      return evidence.roundSeconds === null ? 'late' : 'missed rounds';
    case 'revoked':
    case 'away':
      return kind;
  }
}

/** Stripe beside an alert; the words say the same. */
export const stateColor = ({ state, severity }: Pick<Alert, 'state' | 'severity'>): string =>
  state === 'resolved'
    ? '#009e73'
    : state === 'muted'
      ? '#858585'
      : severity === 'critical'
        ? '#d55e00'
        : '#e69f00';

export const ACTION_WORDS: Readonly<Record<Resource<'AlertActionName'>, string>> = {
  'hold-rollout': 'Pause rollouts of the model',
  'roll-back': 'Roll the model back',
  'request-samples': 'Ask devices for samples',
  'labelling-task': 'Put predictions into the label queue',
};

/** `+1.8 sd`, `−12.0 points`: streams are in standard deviations of an observation, or are shares. */
export function shiftText({ stream, shift }: Pick<Resource<'AlertShift'>, 'stream' | 'shift'>): string {
  const sign = shift < 0 ? '−' : '+';
  const size = Math.abs(shift);
  return stream.startsWith('share of')
    ? `${sign}${(size * 100).toFixed(1)} points`
    : `${sign}${size.toFixed(2)} sd`;
}

/** `device=d-17` -> a device of its own page; others are shown as a filter of the fleet. */
export function subjectOf(subject: string): { device: string } | { filter: string } | null {
  const [, device] = /^device=(\S+)$/.exec(subject) ?? [];
  if (device !== undefined) return { device };
  const [, site] = /^site=(\S+)$/.exec(subject) ?? [];
  return site === undefined ? null : { filter: `site = "${site}"` };
}
