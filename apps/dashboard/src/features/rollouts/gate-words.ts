/** Gates as people read them: what each asks, and a margin in its unit. The figures are those of the contracts. */
import { gateDefaults, type Resource } from '@tinyfleet/contracts';

export type GateKind = Resource<'GateKind'>;
export type GateUnit = Resource<'GateFinding'>['unit'];

/** `title` in lists, `asks` in a sentence that ends with the margin. */
export const GATE_WORDS: Readonly<Record<GateKind, { readonly title: string; readonly asks: string }>> = {
  'install-success': { title: 'Installed', asks: 'devices that did not end active' },
  'install-failure': { title: 'Failed installations', asks: 'installations that failed' },
  'install-timeout': { title: 'Overdue installations', asks: 'installations without an end in time' },
  'self-test': { title: 'Self-test', asks: 'devices whose self-test failed' },
  silence: { title: 'Silence', asks: 'devices that are silent, beyond what the control is' },
  confidence: { title: 'Confidence', asks: 'lower mean confidence of predictions' },
  'class-mix': { title: 'Mix of classes', asks: 'change in the share of any common class' },
  ood: { title: 'Unknown inputs', asks: 'inputs unlike those it was trained on' },
  latency: { title: 'Latency', asks: 'slower inferences' },
  energy: { title: 'Energy', asks: 'battery used' },
  resets: { title: 'Resets', asks: 'resets' },
  accuracy: { title: 'Accuracy', asks: 'lower accuracy, where there are labels' },
};

const UNITS: Readonly<Record<GateUnit, string>> = {
  points: 'points',
  percent: '%',
  'percent-per-day': '% a day',
  'per-device-day': 'a device and day',
};

export const unitWords = (unit: GateUnit): string => UNITS[unit];

/** 3, points -> "3 points"; two digits after the point at most. */
export function formatInUnit(value: number, unit: GateUnit): string {
  const rounded = Number(value.toFixed(Math.abs(value) >= 10 ? 1 : 2));
  return `${rounded} ${UNITS[unit]}`;
}

/** With the sign, as a difference: "-1.2 points". */
export function formatDifference(value: number, unit: GateUnit): string {
  const text = formatInUnit(Math.abs(value), unit);
  if (text.startsWith('0 ')) return text;
  return `${value < 0 ? '−' : '+'}${text}`;
}

export const defaultMargin = (kind: GateKind): number => gateDefaults[kind].margin;

/** `class-mix:3` -> "Mix of classes, class 3". */
export function metricTitle({ kind, metric }: Pick<Resource<'GateFinding'>, 'kind' | 'metric'>): string {
  const at = metric.indexOf(':');
  return at < 0 ? GATE_WORDS[kind].title : `${GATE_WORDS[kind].title}, ${metric.slice(at + 1)}`;
}
