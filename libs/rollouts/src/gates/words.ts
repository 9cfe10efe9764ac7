/** A gate's evidence in sentences, for somebody who is woken by it. */
import type { GateEvidence } from './evidence.js';
import type { KindFacts } from './kinds.js';
import { unitScale } from './kinds.js';
import type { Answer, GateTest } from './tests.js';
import type { Segment } from './weigh.js';

/** `accuracy 10.2 points lower than the control (between 12.1 and 8.3 lower; margin 4): 50 devices against 930` */
export function tell(test: GateTest, answer: Answer | undefined, segment: Segment | null): string {
  const { facts, margin } = test.gate;
  const where = segment ? ` of ${segment.by} ${segment.value}` : '';
  const what = `${facts.noun}${nameOfClass(test.metric)}${where}`;
  if (!answer)
    return `${what}: ${test.isBrief ? 'both sides report, too briefly to tell a difference from chance' : 'nothing to compare yet'}`;
  const { counted, devices, controlDevices } = answer;
  const shown = (value: number): string => number(value / unitScale[facts.unit]);
  if (counted) {
    const control =
      controlDevices > 0 ? `, ${counted.controlEvents} of ${controlDevices} in the control` : '';
    return `${what}: ${counted.events} of ${devices}${control}; ${shown(margin)} points more are tolerated`;
  }
  const { difference } = answer;
  const { low, high } = answer.bounds();
  const way = facts.better === 1 ? ['higher', 'lower'] : ['lower', 'higher'];
  const direction = facts.better === 0 ? 'away from' : `${difference >= 0 ? way[0] : way[1]} than`;
  const bounds =
    Number.isFinite(low) && Number.isFinite(high)
      ? `bounds ${shown(low)} to ${shown(high)}`
      : 'no bounds yet';
  return (
    `${what}: ${shown(Math.abs(difference))} ${unitName(facts)} ${direction} the control ` +
    `(${bounds}, margin ${shown(margin)}); ${devices} devices against ${controlDevices}`
  );
}

export function tellNeeds(
  { isBrief }: Pick<GateTest, 'isBrief'>,
  answer: Answer | undefined,
  evidence: GateEvidence,
): string {
  if (!answer)
    return `needs ${isBrief ? 'more hours of the same devices' : 'reports of both sides in the same hours'}`;
  const wants = answer.wants();
  if (!wants) {
    return answer.difference < 0
      ? 'more time or devices: what is seen lies near or beyond the margin, so only a wider margin would pass it'
      : 'needs more devices or time';
  }
  if (wants.kind === 'bounds') {
    const needs = wants.devices === null ? '' : `needs about ${wants.devices} devices at this spread, or `;
    return `${answer.devices} devices that differ so much say nothing yet: ${needs}a wider margin`;
  }
  if (wants.kind === 'devices') {
    return `needs about ${wants.devices} devices at this spread; the step has ${evidence.stepDevices}`;
  }
  return `needs about ${duration((wants.factor - 1) * evidence.soakedMs)} more at this rate`;
}

export function duration(ms: number): string {
  const minutes = Math.max(1, Math.ceil(ms / 60_000));
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.ceil(minutes / 60);
  return hours < 72 ? `${hours} hours` : `${Math.ceil(hours / 24)} days`;
}

const unitName = ({ unit }: KindFacts): string =>
  ({
    points: 'points',
    percent: '%',
    'percent-per-day': 'percent a day',
    'per-device-day': 'per device and day',
  })[unit];

function nameOfClass(metric: string): string {
  const at = metric.indexOf(':');
  return at < 0 ? '' : ` ${metric.slice(at + 1)}`;
}

/** Three digits that matter, at most two after the point. */
const number = (value: number): string => String(Number(value.toFixed(Math.abs(value) >= 10 ? 1 : 2)));
