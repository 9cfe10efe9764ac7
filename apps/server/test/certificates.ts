/** Certificates for tests, good and bad ones: made by the certificate library, independent of the code under test. */
import 'reflect-metadata';
import { createPrivateKey, createSign, webcrypto, type KeyObject } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

export interface Issued {
  readonly cert: string;
  /** PKCS #8, PEM. */
  readonly key: string;
  readonly serial: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly x509: x509.X509Certificate;
}
export interface IssueOptions {
  readonly by?: Issued;
  readonly isAuthority?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Extended key usages; default client authentication. */
  readonly usage?: string[];
  readonly serial?: string;
  readonly algorithm?: { name: string; hash?: string; [more: string]: unknown };
}
let serials = 0x10;

/** A certificate for `commonName`; self-signed without `by`. */
export async function issue(commonName: string, options: IssueOptions = {}): Promise<Issued> {
  const algorithm = (options.algorithm ?? p256) as typeof p256;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const serial = options.serial ?? (++serials).toString(16).padStart(4, '0');
  const signer = options.by ?? { keys, x509: undefined };
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: [{ CN: [commonName] }],
    issuer: options.by?.x509.subject ?? [{ CN: [commonName] }],
    notBefore: options.notBefore ?? new Date(Date.now() - dayMs),
    notAfter: options.notAfter ?? new Date(Date.now() + 30 * dayMs),
    signingAlgorithm: options.by ? p256 : algorithm,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(options.isAuthority === true, undefined, true),
      ...(options.isAuthority === true
        ? [new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)]
        : [new x509.ExtendedKeyUsageExtension(options.usage ?? ['1.3.6.1.5.5.7.3.2'])]),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    cert: certificate.toString('pem'),
    key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    serial,
    keys,
    x509: certificate,
  };
}

export const authority = async (name: string, options: IssueOptions = {}): Promise<Issued> =>
  await issue(name, { ...options, isAuthority: true });

/** A certificate request, its key, and how its DER is signed for a renewal. */
export async function request(): Promise<{ csr: string; der: Buffer; key: KeyObject; keyPem: string }> {
  const keys = await webcrypto.subtle.generateKey(p256, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=whatever it says',
    keys,
    signingAlgorithm: p256,
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return {
    csr: csr.toString('pem'),
    der: Buffer.from(csr.rawData),
    key,
    keyPem: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/** What a device proves a renewal with. */
export const signRenewal = (der: Buffer, key: KeyObject): string =>
  createSign('sha256')
    .update(Buffer.concat([Buffer.from('tinyfleet:renew:1\0'), der]))
    .sign(key, 'base64');
