/** How far what devices measure and predict is from what builds were validated with: features x groups x time. */
import { z } from '../zod.js';
import { Name, ReleaseRef, Timestamp } from '../names.js';
import { Filter } from './devices.js';
import { Abstention, RangeQuery } from './quality.js';

export const DriftGrouping = z.enum(['version', 'type', 'site']).meta({ id: 'DriftGrouping' });
export const DriftMapQuery = RangeQuery.extend({
  release: ReleaseRef,
  /** `version`: all versions of the model, each held against its own validation data. */
  by: DriftGrouping.default('version'),
});
export const Moved = z
  .object({
    /** Observations. */
    n: z.int(),
    /** Hellinger distance of the histograms beyond what chance makes of it: 0 the same, 1 nothing in common. */
    distance: z.number(),
    /** Share of observations that lie in other bins. */
    share: z.number(),
    /** Of the mean, in standard deviations of an observation of validation data; null where no sums are sent. */
    shift: z.number().nullable(),
    /** So far beyond chance that an estimate of accuracy abstains. */
    isFar: z.boolean(),
  })
  .meta({ id: 'Moved' });
export const DriftFeature = Moved.extend({
  feature: z.string(),
  kind: z.enum(['input', 'score', 'confidence', 'classes']),
  /** Between bins, in the units of the model's input; empty for classes. */
  edges: z.array(z.number()),
  /** Of classes, by bin. */
  labels: z.array(z.string()),
  /** Of validation data, by bin. */
  baseline: z.array(z.int()),
  counts: z.array(z.int()),
}).meta({ id: 'DriftFeature' });
export const DriftMap = z
  .object({
    bucketSeconds: z.int(),
    by: DriftGrouping,
    /** The most predictions first, at most 20; an empty name: devices without a site. */
    groups: z.array(
      z.object({
        group: z.string(),
        release: ReleaseRef,
        /** Predictions over the whole range. */
        n: z.int(),
        features: z.array(DriftFeature),
      }),
    ),
    /** `moved` is in the order of the group's features; null: nothing of it was sent. */
    cells: z.array(
      z.object({ at: Timestamp, group: z.string(), n: z.int(), moved: z.array(Moved.nullable()) }),
    ),
    /** Predictions of builds without validation data: held against nothing. */
    without: z.int(),
  })
  .meta({ id: 'DriftMap' });

/** What one device measured and predicted over the validation data of its build. */
export const DeviceHistogramQuery = z.object({
  /** Default: what it predicted with most on the newest of these days. */
  release: ReleaseRef.optional(),
  /** Days in UTC, today among them. */
  days: z.coerce.number().int().min(1).max(90).default(7),
});
export const DeviceHistograms = z
  .object({
    device: Name,
    days: z.int(),
    /** Null: it predicted nothing on these days. */
    release: ReleaseRef.nullable(),
    /** What it predicted with on these days, the newest first. */
    releases: z.array(z.object({ release: ReleaseRef, n: z.int() })),
    /** Predictions that are held against the build. */
    n: z.int(),
    /** Predictions with the release that are not: its build has no validation data, or other monitors made them. */
    without: z.int(),
    features: z.array(DriftFeature),
  })
  .meta({ id: 'DeviceHistograms' });

/** Two sets of devices beside each other, each by what its devices did with a release. */
export const CohortQuery = z.object({
  release: ReleaseRef,
  /** Devices as they are now; empty: all. */
  filter: Filter.default(''),
  /** Of the second set. Default: the same release. */
  againstRelease: ReleaseRef.optional(),
  againstFilter: Filter.default(''),
  /** Days in UTC, today among them. */
  days: z.coerce.number().int().min(1).max(90).default(7),
});
export const Cohort = z
  .object({
    release: ReleaseRef,
    filter: Filter,
    /** That predicted on the newest two of these days that the release has predictions of, up to 1,000: those that predicted most. */
    devices: z.int(),
    n: z.int(),
    /** Mean accuracy of its devices without labels, 90 % interval; null: it abstains. */
    value: z.number().nullable(),
    low: z.number().nullable(),
    high: z.number().nullable(),
    /** Standard deviation of devices; null of fewer than three, too, which take that of the other set. */
    between: z.number().nullable(),
    abstains: Abstention.nullable(),
    /** What labels of its devices' predictions show, of such as chance chose and are kept still; 90 % interval. Null: there are none. */
    labelled: z
      .object({
        devices: z.int(),
        n: z.int(),
        correct: z.int(),
        value: z.number(),
        low: z.number(),
        high: z.number(),
      })
      .nullable(),
  })
  .meta({ id: 'Cohort' });
export const CohortComparison = z
  .object({
    days: z.int(),
    /** As asked, then what it is held against. */
    cohorts: z.tuple([Cohort, Cohort]),
    /** Accuracy of the first less that of the second, 90 % interval; null: one of them abstains. */
    difference: z.object({ value: z.number(), low: z.number(), high: z.number() }).nullable(),
    /** What follows from it. */
    words: z.array(z.string()),
    /**
     * Histograms of the first over those of the second, which stand as `baseline`. Of inputs only where both have the same monitors, and
     * none where classes or bins of confidence differ.
     */
    features: z.array(DriftFeature),
  })
  .meta({ id: 'CohortComparison' });
