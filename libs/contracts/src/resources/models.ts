/** Models and their versions. */
import { z } from '../zod.js';
import { DigestHex, Name, Timestamp, Version } from '../names.js';

export const TensorContract = z.object({
  name: z.string(),
  dtype: z.enum(['int8', 'uint8', 'int16', 'int32', 'int64', 'bool', 'float32']),
  shape: z.array(z.int()),
  scale: z.number().nullable(),
  zeroPoint: z.int().nullable(),
});
export const ModelVersion = z
  .object({
    model: Name,
    version: Version,
    createdAt: Timestamp,
    createdBy: z.string(),
    fileName: z.string(),
    format: z.string(),
    sourceDigest: DigestHex,
    sourceBytes: z.int(),
    labels: z.array(z.string()),
    inputs: z.array(TensorContract),
    outputs: z.array(TensorContract),
    /** Operator name -> how often. */
    operators: z.record(z.string(), z.int()),
    macs: z.int(),
    hasValidationData: z.boolean(),
    /** Samples that the scales of a float model are made from. */
    hasCalibrationData: z.boolean().default(false),
  })
  .meta({ id: 'ModelVersion' });
/** What firmware that no build of ours is in calls what it runs, and the version that it is. */
export const ForeignBuild = z
  .object({
    /** The 8 bytes by which windows name it, in hexadecimal digits. */
    build: z.string().regex(/^[0-9a-f]{16}$/),
    deviceType: Name,
    /** That its windows count; 0: they count none. Default: those of the model. */
    classes: z.int().min(0).max(4_096).optional(),
  })
  .meta({ id: 'ForeignBuild' });
export const Model = z
  .object({ name: Name, createdAt: Timestamp, latestVersion: Version.nullable(), versionCount: z.int() })
  .meta({ id: 'Model' });
