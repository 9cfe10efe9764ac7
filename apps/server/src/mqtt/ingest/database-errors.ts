/** Which failures of a commit pass by themselves, and which lie in the message. */
import { isFleetError } from '@tinyfleet/errors';

const sqlState = (error: unknown): string | undefined => {
  const { code } = ((error as { driverError?: unknown }).driverError ?? error) as { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
};

/** SQLSTATE classes of statements that can never succeed: data, constraints, syntax, raised by a function. */
const permanent = /^(21|22|23|42|44|P0)/;

/**
 * True when the same batch may be committed later: no connection, restart, deadlock, no space, serialization. What is
 * not known counts as passing, because a message that is tried again is late, and one that is given up is lost.
 */
export function isTransient(error: unknown): boolean {
  if (isFleetError(error)) return error.transient;
  if (error instanceof RangeError || error instanceof TypeError) return false;
  const state = sqlState(error);
  return state === undefined || !permanent.test(state);
}

/** A value of this message cannot be stored, now or ever. */
export function isUnstorable(error: unknown): boolean {
  return error instanceof RangeError || /^22/.test(sqlState(error) ?? '');
}
