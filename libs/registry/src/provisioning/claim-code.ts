/**
 * Claim codes: 60 random bits in Crockford's base 32, which has no I, L, O or U, so that they can be read aloud and typed:
 * XXXX-XXXX-XXXX. Guessing is bounded by their end and by the limit of failed attempts.
 */
import { createHash, randomBytes } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SYMBOLS = 12;

export function newClaimCode(): string {
  const symbols = Array.from(randomBytes(SYMBOLS), (byte) => ALPHABET[byte % 32]).join('');
  return symbols.replace(/(.{4})(?=.)/g, '$1-');
}

/** As people type it; undefined when it cannot be one. */
export function normalizeClaimCode(text: string): string | undefined {
  const symbols = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]{12}$/.test(symbols) ? symbols : undefined;
}

export const hashClaimCode = (normalized: string): Buffer =>
  createHash('sha256').update(`claim code ${normalized}`).digest();
