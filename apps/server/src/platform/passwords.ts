/** argon2id with OWASP's first recommended parameters (19 MiB, 2 passes, 1 lane): about 30 ms. */
import { hash, verify } from '@node-rs/argon2';
import type { PasswordHasher } from '@tinyfleet/auth';

/** `Algorithm.Argon2id`, a const enum that isolated modules cannot read. */
const ARGON2ID = 2;
const OPTIONS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export const argon2Passwords: PasswordHasher = {
  hash: async (password) => await hash(password, OPTIONS),
  verify: async (stored, password) => await verify(stored, password).catch(() => false),
};
