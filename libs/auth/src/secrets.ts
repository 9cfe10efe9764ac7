/** Random secrets and how they are stored: 256 bits, kept only as SHA-256 (a password needs argon2id, these do not). */
import { createHash, randomBytes } from 'node:crypto';

const BITS = 256;
/** Tells an API token from other secrets, so that scanners of leaked secrets can find it. */
export const API_TOKEN_PREFIX = 'tft_';
/** Shown in lists, to tell tokens apart. */
const SHOWN_CHARACTERS = API_TOKEN_PREFIX.length + 6;

/** 43 characters of base64url. */
export const newSecret = (): string => randomBytes(BITS / 8).toString('base64url');
export const newApiToken = (): string => API_TOKEN_PREFIX + newSecret();
export const shownPrefix = (token: string): string => token.slice(0, SHOWN_CHARACTERS);

/** SHA-256 of the secret's text, as every `*_hash` column holds it. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret, 'utf8').digest();
