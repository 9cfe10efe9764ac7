/** What is kept, in words, and whether a change of its days takes something away. */
import type { Resource } from '@tinyfleet/contracts';

type Settings = Resource<'RetentionSettings'>;

interface Field {
  readonly key: keyof Settings;
  readonly label: string;
  readonly about: string;
  readonly most: number;
  /** What an empty field means; undefined: it has to be given. */
  readonly none?: 'instance' | 'forever';
}

export const RETENTION_FIELDS: readonly Field[] = [
  {
    key: 'windowDays',
    label: 'Telemetry windows',
    about: 'As they came; empty: as the instance keeps them, which is also the most',
    most: 3_650,
    none: 'instance',
  },
  {
    key: 'hourDays',
    label: 'Sums by hour',
    about: 'Of telemetry and labels, at least as long as windows; empty: for good',
    most: 3_650,
    none: 'forever',
  },
  {
    key: 'deviceDayDays',
    label: 'Sums by device and day',
    about: 'At least as long as windows; empty: for good',
    most: 3_650,
    none: 'forever',
  },
  {
    key: 'refusalDays',
    label: 'Refused messages',
    about: 'Error, count and the first bytes of the last',
    most: 365,
  },
  {
    key: 'predictionDays',
    label: 'Predictions and label tasks',
    about: 'Those that wait for a label',
    most: 365,
  },
  { key: 'alertDays', label: 'Alerts', about: 'From their end; open ones stay', most: 3_650 },
];

export const REMOVED_WORDS: Readonly<Record<keyof Resource<'Retention'>['removed'], string>> = {
  windows: 'telemetry windows',
  hours: 'sums by hour',
  deviceDays: 'sums by device and day',
  accuracyHours: 'sums of labels',
  predictions: 'predictions',
  labelTasks: 'label tasks',
  samples: 'samples',
  refusals: 'refused messages',
  alerts: 'alerts',
  boots: 'boots of devices',
};

/** Null is longer than any number of days. */
export function isShorter(days: number | null, before: number | null): boolean {
  return days !== null && (before === null || days < before);
}
