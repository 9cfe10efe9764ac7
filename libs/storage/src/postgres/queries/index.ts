/** Named SQL: `queries/<area>/<name>.sql`, read once. Parameters are positional and described at the top of each file. */
import { readFileSync } from 'node:fs';

const texts = new Map<string, string>();

/** @param name `<area>/<name>`; a name that does not exist is a defect and throws at once. */
export function namedQuery(name: string): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(`./${name}.sql`, import.meta.url), 'utf8');
    texts.set(name, text);
  }
  return text;
}
