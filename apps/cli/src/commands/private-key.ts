/** Files of who signs away from the server: a private key, and what goes to and fro. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { isFleetError } from '@tinyfleet/errors';
import { readInput, usage } from '../arguments.js';

/** @throws cli.usage */
export function privateKeyIn(path: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readInput(path));
  } catch (error) {
    if (isFleetError(error)) throw error;
    return usage(`${path} is not a private key in PEM.`);
  }
  if (key.asymmetricKeyType !== 'ed25519') usage(`${path} is not an Ed25519 key.`);
  return key;
}

/** @throws cli.usage */
export function parsed<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  path: string,
  what: string,
): T {
  let json: unknown;
  try {
    json = JSON.parse(readInput(path).toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const result = schema.safeParse(json);
  return result.success ? result.data : usage(`${path} does not hold ${what}.`);
}
