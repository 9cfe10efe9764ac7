/** Names that self-registered devices get: a template of the provisioning key, filled and checked as every name is. */
import { randomBytes } from 'node:crypto';
import { FleetError } from '@tinyfleet/errors';
import { isName, shorten } from '@tinyfleet/wire';

const PLACEHOLDER = /\{([a-z]+)\}/g;
const KNOWN = ['name', 'type', 'number', 'random'];

/** @throws provisioning.name-invalid when no device could get a name by it */
export function checkTemplate(template: string): void {
  const unknown = [...template.matchAll(PLACEHOLDER)].some(([, word]) => !KNOWN.includes(word ?? ''));
  const example = fill(template, { name: 'a', type: 'a', number: '1', random: '0' });
  // Without a placeholder that differs, the second device would already be refused.
  if (unknown || !/\{(name|number|random)\}/.test(template) || !isName(example))
    throw new FleetError('provisioning.name-invalid', { name: shorten(template) });
}

/** @throws provisioning.name-needed, provisioning.name-invalid */
export function deviceName(
  template: string,
  facts: { readonly proposed: string | undefined; readonly type: string; readonly number: number },
): string {
  const { proposed, type, number } = facts;
  if (template.includes('{name}') && (proposed === undefined || proposed === ''))
    throw new FleetError('provisioning.name-needed');
  // What is proposed is taken as it is or refused: a corrected name could be another device's.
  const name = fill(template, {
    name: proposed ?? '',
    type,
    number: String(number),
    random: randomBytes(4).toString('hex'),
  });
  if (!isName(name)) throw new FleetError('provisioning.name-invalid', { name: shorten(name) });
  return name;
}

const fill = (template: string, words: Readonly<Record<string, string>>): string =>
  template.replace(PLACEHOLDER, (text, word: string) => words[word] ?? text);
