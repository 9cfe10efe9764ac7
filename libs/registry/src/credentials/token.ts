/** Device tokens: 256 random bits, kept as SHA-256 only. The broker hashes the bytes of the MQTT password as they come. */
import { createHash, randomBytes } from 'node:crypto';

const TOKEN_BYTES = 32;

export const hashToken = (token: string): Buffer => createHash('sha256').update(token, 'utf8').digest();
/** 43 characters of base64url. */
export const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');
