/** What is asked of a shadow or of a comparison, as texts until they are right, and the part of the request that it makes. */
import type { Resource, RolloutCreateInput } from '@tinyfleet/contracts';

export interface ShadowDraft {
  /** It runs on every n-th inference. */
  readonly every: string;
  readonly time: string;
}
export interface AbDraft {
  /** Release A; empty: what each device runs. */
  readonly against: string;
  /** Of devices that get B. */
  readonly percent: string;
  readonly metric: Resource<'AbMetric'>;
  /** Empty: that of the metric's gate. */
  readonly margin: string;
  readonly least: string;
  readonly longest: string;
}

export const newShadow: ShadowDraft = { every: '1', time: '1 d' };
export const newAb: AbDraft = {
  against: '',
  percent: '50',
  metric: 'confidence',
  margin: '',
  least: '1 h',
  longest: '14 d',
};

/** Readers of texts, which note what is wrong under a name. */
export interface Readers {
  readonly number: (name: string, text: string) => number | undefined;
  readonly seconds: (name: string, text: string) => number | undefined;
}

export function shadowRequest(
  { every, time }: ShadowDraft,
  { number, seconds }: Readers,
): RolloutCreateInput['shadow'] {
  return defined({ every: number('Every', every), seconds: seconds('Shadow runs', time) });
}

export function abRequest(ab: AbDraft, { number, seconds }: Readers): RolloutCreateInput['ab'] {
  return defined({
    against: ab.against === '' ? undefined : ab.against,
    percent: number('Share', ab.percent),
    metric: ab.metric,
    margin: number('Margin', ab.margin),
    minSeconds: seconds('Not before', ab.least),
    maxSeconds: seconds('At the latest', ab.longest),
  });
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };
/** Without what is undefined: the API has defaults. */
export const defined = <T extends object>(fields: T): Partial<Defined<T>> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<
    Defined<T>
  >;
