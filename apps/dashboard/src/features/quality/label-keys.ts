/** Keys of the label queue. Digits choose a class: 1 the first, 0 the tenth. */

export type LabelKey =
  { readonly does: 'label'; readonly index: number } | { readonly does: 'skip' | 'undo' | 'help' };

/** @param classes how many there are @returns undefined: the key is not ours */
export function labelKey(key: string, classes: number): LabelKey | undefined {
  if (/^[0-9]$/.test(key)) {
    const index = key === '0' ? 9 : Number(key) - 1;
    return index < classes ? { does: 'label', index } : undefined;
  }
  if (key === 's') return { does: 'skip' };
  if (key === 'u') return { does: 'undo' };
  return key === '?' ? { does: 'help' } : undefined;
}

/** What stands on the button of a class; the eleventh and later ones have none. */
export const digitOf = (index: number): string | undefined =>
  index < 9 ? String(index + 1) : index === 9 ? '0' : undefined;
