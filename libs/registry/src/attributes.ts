/** Typed attributes of devices: text, number or boolean under short keys. Their limits are options. */
import type { AuditRecord, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';

export type AttributeValue = Resource<'AttributeValue'>;
export type AttributeValues = Readonly<Record<string, AttributeValue>>;

export interface AttributeLimits {
  /** Keys of one device. */
  readonly maxCount: number;
  /** Bytes of a text, UTF-8. */
  readonly maxValueBytes: number;
  readonly maxKeyLength: number;
}
export const attributeLimits: AttributeLimits = { maxCount: 64, maxValueBytes: 256, maxKeyLength: 63 };

/** Keys are words of the filter language: `attr.battery`, `desired.cost-centre`. */
export const ATTRIBUTE_KEY = /^[A-Za-z][A-Za-z0-9_-]*$/;

/** @throws registry.attribute-invalid */
export function checkAttribute(key: string, value: AttributeValue, limits = attributeLimits): void {
  const refuse = (reason: string): never => {
    throw new FleetError('registry.attribute-invalid', { key: key.slice(0, 80), reason });
  };
  if (key.length > limits.maxKeyLength) refuse(`the key is longer than ${limits.maxKeyLength} characters`);
  if (!ATTRIBUTE_KEY.test(key)) refuse('a key is a letter, then letters, digits, _ and -');
  if (typeof value === 'number' && !Number.isFinite(value)) refuse('a number has to be finite');
  if (typeof value === 'string') {
    if (value.includes('\0')) refuse('a text must not hold the character U+0000');
    if (/\p{Surrogate}/u.test(value)) refuse('the text is not valid Unicode');
    const bytes = new TextEncoder().encode(value).length;
    if (bytes > limits.maxValueBytes)
      refuse(`the text has ${bytes} bytes of at most ${limits.maxValueBytes}`);
  }
}

/**
 * The values after a change: null removes. @throws registry.attribute-invalid, registry.attributes-too-many
 */
export function changeAttributes(
  before: AttributeValues,
  change: Readonly<Record<string, AttributeValue | null>>,
  limits = attributeLimits,
): AttributeValues {
  const after = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(change)) {
    if (value === null) after.delete(key);
    else {
      checkAttribute(key, value, limits);
      after.set(key, value);
    }
  }
  // What is there already stays readable; only growing beyond the limit is refused.
  if (after.size > limits.maxCount && after.size > Object.keys(before).length)
    throw new FleetError('registry.attributes-too-many', { count: after.size, limit: limits.maxCount });
  return Object.fromEntries(after);
}

/** The entry of the audit log from which the history of a device's attributes is read. */
export function attributesSet(
  actor: string,
  device: string,
  {
    before,
    change,
  }: { readonly before: AttributeValues; readonly change: Readonly<Record<string, AttributeValue | null>> },
): AuditRecord {
  return {
    ...{ actor, action: 'device.attributes-set', target: device, after: { ...change } },
    before: Object.fromEntries(Object.keys(change).map((key) => [key, before[key] ?? null])),
  };
}
