/** The fields a filter may name: what kind of value each has, and in words what it is. */
import { DeviceState, Presence, ReleaseState } from '@tinyfleet/contracts';

/**
 * text: = != in, with `*`. choice: one of few words. version: text, and ordered as semantic versions. time: ordered only, by
 * age (`1h`) or date. name: = != in, exact. attribute: a text, number or boolean; numbers are ordered.
 */
export type FieldKind = 'text' | 'choice' | 'version' | 'time' | 'name' | 'attribute';

interface FieldSpec {
  readonly kind: FieldKind;
  readonly about: string;
  readonly choices?: readonly string[];
  /** Why `has` makes no sense. */
  readonly noHas?: string;
}

const EVERY = 'every device has one';

export const FILTER_FIELDS = {
  name: { kind: 'text', about: "the device's name", noHas: EVERY },
  type: { kind: 'text', about: 'its device type', noHas: EVERY },
  tag: { kind: 'text', about: 'any of its tags' },
  site: { kind: 'text', about: 'where it stands' },
  location: { kind: 'text', about: 'its place in words' },
  state: { kind: 'choice', about: 'its lifecycle', choices: DeviceState.options, noHas: EVERY },
  presence: { kind: 'choice', about: 'whether it is there', choices: Presence.options, noHas: EVERY },
  hardwareRevision: { kind: 'text', about: 'revision of its board' },
  version: { kind: 'version', about: "the model's version it runs, as it reported" },
  release: { kind: 'text', about: 'the release it runs: kws@1.1.0' },
  releaseState: {
    kind: 'choice',
    about: 'of the release it runs, such as revoked',
    choices: ReleaseState.options,
  },
  firmware: { kind: 'version', about: 'its firmware, as it reported' },
  update: { kind: 'text', about: 'where its last update stands' },
  group: { kind: 'name', about: 'a group it is in', noHas: 'name the group: group = "pilot"' },
  lastSeen: { kind: 'time', about: 'when it was last heard of' },
  createdAt: { kind: 'time', about: 'when it was registered', noHas: EVERY },
} as const satisfies Record<string, FieldSpec>;

export type PlainField = keyof typeof FILTER_FIELDS;
/** `attr.KEY` is what the device reports, `desired.KEY` what people set. */
export type AttributeField = `attr.${string}` | `desired.${string}`;
export type FilterField = PlainField | AttributeField;

const PLAIN = Object.keys(FILTER_FIELDS) as PlainField[];
const byLowerCase = new Map(PLAIN.map((name) => [name.toLowerCase(), name]));

export const isAttributeField = (field: FilterField): field is AttributeField => field.includes('.');

export function specOf(field: FilterField): FieldSpec {
  return isAttributeField(field) ? { kind: 'attribute', about: 'an attribute' } : FILTER_FIELDS[field];
}

/** The field by its name in any case; keys of attributes keep theirs. */
export function fieldNamed(word: string): FilterField | undefined {
  const plain = byLowerCase.get(word.toLowerCase());
  if (plain !== undefined) return plain;
  const [, side, key] = /^(attr|desired)\.([A-Za-z][A-Za-z0-9_-]{0,62})$/i.exec(word) ?? [];
  if (side === undefined || key === undefined) return undefined;
  return side.toLowerCase() === 'attr' ? `attr.${key}` : `desired.${key}`;
}

/** What a word that is no field may have been meant as: at most two edits away. */
export function nearestField(word: string): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const name of [...PLAIN, 'attr.KEY', 'desired.KEY']) {
    const edits = editDistance(word.slice(0, 40).toLowerCase(), name.toLowerCase());
    if (edits <= Math.min(2, name.length - 2) && (!best || edits < best.edits)) best = { name, edits };
  }
  return best?.name;
}

/** Levenshtein: insertions, deletions and changes of one character. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (a[i] === b[j] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
