/** An Ed25519 public key in PEM (RFC 8410) as the API takes it: the 32 bytes, in hex. */

/** SubjectPublicKeyInfo of id-Ed25519 before the key itself. */
const HEAD = '302a300506032b6570032100';

/** @returns undefined: it is none */
export function publicKeyHexOf(pem: string): string | undefined {
  const [, body] =
    /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(pem) ?? [];
  if (body === undefined) return undefined;
  let bytes: string;
  try {
    bytes = atob(body.replace(/\s/g, ''));
  } catch {
    return undefined;
  }
  const hex = Array.from(bytes, (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  return hex.startsWith(HEAD) && hex.length === HEAD.length + 64 ? hex.slice(HEAD.length) : undefined;
}
