/** States as badges: a word and a colour, never a colour alone. Plain elements, for tables draw hundreds of them at once. */
import type { Resource } from '@tinyfleet/contracts';

type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'calm';
const COLORS: Record<Tone, string> = {
  good: 'teal',
  busy: 'harbour',
  warn: 'orange',
  bad: 'red',
  calm: 'gray',
};

const TONES: Readonly<Record<string, Tone>> = {
  connected: 'good',
  active: 'good',
  succeeded: 'good',
  signed: 'good',
  pending: 'calm',
  sleeping: 'calm',
  never: 'calm',
  waiting: 'calm',
  queued: 'calm',
  draft: 'calm',
  validated: 'busy',
  deprecated: 'warn',
  next: 'busy',
  withdrawn: 'calm',
  pass: 'good',
  fail: 'bad',
  undecided: 'busy',
  aborted: 'calm',
  cancelled: 'calm',
  idle: 'calm',
  retained: 'calm',
  control: 'calm',
  held: 'calm',
  returned: 'calm',
  'rolled-back': 'warn',
  empty: 'calm',
  offered: 'busy',
  fetching: 'busy',
  verified: 'busy',
  staged: 'busy',
  shadow: 'busy',
  compared: 'good',
  trial: 'busy',
  soak: 'busy',
  running: 'busy',
  returning: 'busy',
  'rolling-back': 'busy',
  'awaiting-approval': 'warn',
  unreached: 'warn',
  partial: 'busy',
  paused: 'warn',
  silent: 'warn',
  lost: 'bad',
  suspended: 'warn',
  registered: 'calm',
  claimed: 'calm',
  retired: 'calm',
  approved: 'good',
  applied: 'good',
  checked: 'good',
  delivered: 'good',
  reading: 'busy',
  taken: 'good',
  sent: 'busy',
  checking: 'busy',
  writing: 'busy',
  ending: 'warn',
  unproven: 'warn',
  failing: 'warn',
  stopped: 'warn',
  disabled: 'warn',
  expired: 'calm',
  'used-up': 'calm',
  refused: 'bad',
  incompatible: 'warn',
  offline: 'warn',
  reverted: 'bad',
  failed: 'bad',
  rejected: 'bad',
  open: 'warn',
  acknowledged: 'busy',
  muted: 'calm',
  resolved: 'good',
  warning: 'warn',
  critical: 'bad',
  due: 'busy',
  done: 'good',
  starting: 'busy',
  watching: 'good',
  unable: 'warn',
  corrupt: 'bad',
  revoked: 'bad',
};

export type AnyState =
  | Resource<'Presence'>
  | Resource<'RolloutState'>
  | Resource<'DeploymentState'>
  | Resource<'BuildState'>
  | (string & {});

export function StateBadge({ state }: { state: AnyState }) {
  return (
    <span className="state" data-color={COLORS[TONES[state] ?? 'calm']}>
      {state}
    </span>
  );
}
