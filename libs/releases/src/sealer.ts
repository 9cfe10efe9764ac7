/** AES-256-GCM under a key derived (HKDF-SHA-256) from the instance's secret. Sealed bytes: nonce 12 | tag 16 | text. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { FleetError } from '@tinyfleet/errors';
import type { Sealer } from './ports.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class SecretSealer implements Sealer {
  private readonly key: Buffer;
  private readonly macKey: Buffer;

  constructor(secret: Uint8Array) {
    this.key = Buffer.from(hkdfSync('sha256', secret, '', 'tinyfleet sealed keys 1', 32));
    this.macKey = Buffer.from(hkdfSync('sha256', secret, '', 'tinyfleet macs 1', 32));
  }

  /** `context` (what it is and whose) is authenticated: a sealed key moved to another row does not open. */
  seal(plain: Uint8Array, context: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(context));
    const text = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), text]);
  }

  /** HMAC-SHA-256: tells whether two texts are the same, and nobody without the secret what they may have been. */
  mac(bytes: Uint8Array, context: string): Buffer {
    return createHmac('sha256', this.macKey).update(`${context}\0`).update(bytes).digest();
  }

  open(sealed: Uint8Array, context: string): Buffer {
    try {
      const nonce = sealed.subarray(0, NONCE_BYTES);
      const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', this.key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(context)).setAuthTag(tag);
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    } catch (error) {
      throw new FleetError('storage.secret-mismatch', {}, { cause: error });
    }
  }
}
