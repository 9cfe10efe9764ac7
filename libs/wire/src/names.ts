/** The rule for names of projects, devices, types and models, as the wire checks it. */
import { FleetError } from '@tinyfleet/errors';

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export function isName(value: string): boolean {
  return NAME.test(value);
}

/** @throws wire.name-invalid */
export function assertName(value: string): string {
  if (!isName(value)) throw new FleetError('wire.name-invalid', { value: shorten(value) });
  return value;
}

/** For messages: a stranger's text is cut and its control characters are escaped. */
export function shorten(value: string, limit = 80): string {
  const text = JSON.stringify(value).slice(1, -1);
  return text.length <= limit ? text : `${text.slice(0, limit)}...`;
}
