/** Attributes as people type them. */
import type { Resource } from '@tinyfleet/contracts';

/** Numbers and truth values are typed as such; quotes keep them texts. */
export function attributeValue(text: string): Resource<'AttributeValue'> {
  const trimmed = text.trim();
  if (trimmed === 'true' || trimmed === 'false') return trimmed === 'true';
  if (trimmed !== '' && Number.isFinite(Number(trimmed))) return Number(trimmed);
  return /^".*"$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}
