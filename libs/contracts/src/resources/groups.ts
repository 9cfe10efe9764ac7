/** Groups of devices, and actions on many devices at once. */
import { z } from '../zod.js';
import { Name, Tag, Timestamp } from '../names.js';
import { Problem } from './problem.js';
import { AttributeValue, Filter, HardwareRevision, Location, Notes, Site } from './devices.js';

export const GroupKind = z.enum(['static', 'dynamic']).meta({ id: 'GroupKind' });
export const Group = z
  .object({
    name: Name,
    /** static: members by name. dynamic: whoever matches the filter. */
    kind: GroupKind,
    filter: Filter.nullable(),
    notes: z.string(),
    /** Of a static group exact; of a dynamic one as of `countedAt`, null before its first count. */
    count: z.int().nullable(),
    countedAt: Timestamp.nullable(),
    /** Grows with every change of the group; not with its members. */
    revision: z.int(),
    createdAt: Timestamp,
    createdBy: z.string(),
  })
  .meta({ id: 'Group' });
/** With a filter it is dynamic, without one static. */
export const GroupCreate = z.object({
  name: Name,
  filter: Filter.min(1).nullable().default(null),
  notes: Notes.default(''),
});
export const GroupPatch = z.object({
  /** Of a dynamic group. */
  filter: Filter.min(1).optional(),
  notes: Notes.optional(),
});
export const GroupMembersChange = z
  .object({
    devices: z.array(Name).min(1).max(1_000).optional(),
    /** Those that match now. */
    filter: Filter.min(1).optional(),
  })
  .refine(({ devices, filter }) => (devices === undefined) !== (filter === undefined), {
    message: 'give devices or a filter',
  });
export const GroupMembersChanged = z
  .object({
    /** Devices that came or went. */
    changed: z.int(),
    count: z.int(),
  })
  .meta({ id: 'GroupMembersChanged' });

/** What is changed of every device that matches: in one transaction, or part by part when they are many. */
export const BulkChange = z
  .object({
    tag: z.array(Tag).max(32).optional(),
    untag: z.array(Tag).max(32).optional(),
    site: Site.nullable().optional(),
    hardwareRevision: HardwareRevision.nullable().optional(),
    notes: Notes.optional(),
    location: Location.nullable().optional(),
    /** Desired attributes: a value sets, null removes. */
    desired: z.record(z.string(), AttributeValue.nullable()).optional(),
    /** Devices that cannot are left as they are. */
    state: z.enum(['suspend', 'resume', 'retire']).optional(),
    addToGroup: Name.optional(),
    removeFromGroup: Name.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, {
    message: 'name at least one change',
  })
  .meta({ id: 'BulkChange' });
export const BulkRequest = z.object({
  filter: Filter.min(1),
  change: BulkChange,
  /** Count, and change nothing. */
  dryRun: z.boolean().default(false),
  /** Refused when another number of devices matches by now. */
  expect: z.int().min(0).optional(),
});
export const BulkResult = z
  .object({
    /** Devices that match the filter. */
    matched: z.int(),
    /** Devices that were changed; with `dryRun` 0. */
    changed: z.int(),
    dryRun: z.boolean(),
    /** The first of them by name. */
    sample: z.array(Name),
    /** When they are too many for one transaction, the job that changes them: `bulk-actions/{action}` tells how far it is. */
    action: z.uuid().nullable(),
  })
  .meta({ id: 'BulkResult' });
export const BulkActionState = z
  .enum(['waiting', 'running', 'done', 'failed', 'cancelled'])
  .meta({ id: 'BulkActionState' });
/** A bulk action that runs as a job. Cancelled or failed, what is changed stays changed. */
export const BulkAction = z
  .object({
    id: z.uuid(),
    state: BulkActionState,
    filter: Filter,
    change: BulkChange,
    /** Devices that matched when it was made: it changes these and no others. */
    matched: z.int(),
    /** Of them, so far. */
    handled: z.int(),
    changed: z.int(),
    /** Why it failed. */
    problem: Problem.nullable(),
    createdBy: z.string(),
    cancelledBy: z.string().nullable(),
    createdAt: Timestamp,
    finishedAt: Timestamp.nullable(),
  })
  .meta({ id: 'BulkAction' });
