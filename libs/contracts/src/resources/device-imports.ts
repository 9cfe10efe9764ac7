/** Imports of devices from CSV: what was read, what came of it, and the rows that are wrong. */
import { z } from '../zod.js';
import { Timestamp } from '../names.js';
import { Problem } from './problem.js';

export const DeviceImportState = z
  .enum(['reading', 'checking', 'writing', 'checked', 'applied', 'refused', 'failed'])
  .meta({ id: 'DeviceImportState' });
export const DeviceImportError = z
  .object({
    /** Of the file, from 1; where the row begins. */
    line: z.int(),
    /** Null: the row as a whole. */
    column: z.string().nullable(),
    code: z.string(),
    message: z.string(),
  })
  .meta({ id: 'DeviceImportError' });
export const DeviceImport = z
  .object({
    id: z.uuid(),
    state: DeviceImportState,
    dryRun: z.boolean(),
    onConflict: z.enum(['fail', 'skip', 'update']),
    /** Read so far, the header left out. */
    rows: z.int(),
    /** Written so far; of a dry run: what would be written. */
    added: z.int(),
    updated: z.int(),
    skipped: z.int(),
    errorCount: z.int(),
    /** The first ones, by line. */
    errors: z.array(DeviceImportError),
    /** Why it failed as a whole. */
    problem: Problem.nullable(),
    /** Until then the tokens of its devices can be fetched, once. */
    tokensUntil: Timestamp.nullable(),
    createdBy: z.string(),
    createdAt: Timestamp,
    finishedAt: Timestamp.nullable(),
  })
  .meta({ id: 'DeviceImport' });
export const DeviceImportQuery = z.object({
  /** Chosen by the caller, who can then read the progress while the file is on its way. */
  id: z.uuid().optional(),
  /** Checks everything and writes nothing. */
  dryRun: z.stringbool().default(false),
  /** When a device of that name exists. */
  onConflict: z.enum(['fail', 'skip', 'update']).default('fail'),
  /** Makes a token for each new device; without, they get their credential by claiming. */
  tokens: z.stringbool().default(false),
});
