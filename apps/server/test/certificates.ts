/** Certificates for tests, good and bad ones: made by the certificate library, independent of the code under test. */
import 'reflect-metadata';
import { createPrivateKey, createSign, webcrypto, type KeyObject } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
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
  /** Of an authority: how many others may be below it. */
  readonly pathLength?: number;
  /** Of an authority; default certificates and revocation lists. */
  readonly keyUsage?: x509.KeyUsageFlags;
  /** Beside those that it always has. */
  readonly extensions?: x509.Extension[];
  /** Of another certificate with the same key. */
  readonly keys?: webcrypto.CryptoKeyPair;
  readonly subject?: x509.JsonName;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Extended key usages; default client authentication. */
  readonly usage?: string[];
  readonly serial?: string;
  readonly algorithm?: { name: string; hash?: string; [more: string]: unknown };
}
/** Of an authority that signs no revocation lists. */
export const certificatesOnly = x509.KeyUsageFlags.keyCertSign;
const signsAll = (x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign) as x509.KeyUsageFlags;
let serials = 0x10;

/** A certificate for `commonName`; self-signed without `by`. */
export async function issue(commonName: string, options: IssueOptions = {}): Promise<Issued> {
  const algorithm = (options.algorithm ?? p256) as typeof p256;
  const keys = options.keys ?? (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']));
  const subject = options.subject ?? [{ CN: [commonName] }];
  const serial = options.serial ?? (++serials).toString(16).padStart(4, '0');
  const signer = options.by ?? { keys, x509: undefined };
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject,
    issuer: options.by?.x509.subject ?? subject,
    notBefore: options.notBefore ?? new Date(Date.now() - dayMs),
    notAfter: options.notAfter ?? new Date(Date.now() + 30 * dayMs),
    signingAlgorithm: options.by ? p256 : algorithm,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(options.isAuthority === true, options.pathLength, true),
      ...(options.isAuthority === true
        ? [new x509.KeyUsagesExtension(options.keyUsage ?? signsAll, true)]
        : [new x509.ExtendedKeyUsageExtension(options.usage ?? ['1.3.6.1.5.5.7.3.2'])]),
      ...(options.extensions ?? []),
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

/** A critical extension by its number and DER in hexadecimal; `server`: the extended key usage of servers. */
export const constraint = (id: string, hex = ''): x509.Extension =>
  id === 'server'
    ? new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1'], true)
    : new x509.Extension(id, true, Buffer.from(hex, 'hex'));

type Subtree = x509.JsonName[number] | { readonly mail: string };
/** RFC 5280, 4.2.1.10: one relative name each, or a mail domain. */
export function nameConstraints(trees: {
  readonly permitted?: readonly Subtree[];
  readonly excluded?: readonly Subtree[];
}): x509.Extension {
  const of = (given: readonly Subtree[] | undefined) =>
    given &&
    new asn1.GeneralSubtrees(
      given.map((tree) => {
        const base =
          'mail' in tree
            ? { rfc822Name: String(tree.mail) }
            : { directoryName: AsnConvert.parse(new x509.Name([tree]).toArrayBuffer(), asn1.Name) };
        return new asn1.GeneralSubtree({ base: new asn1.GeneralName(base) });
      }),
    );
  const [permittedSubtrees, excludedSubtrees] = [of(trees.permitted), of(trees.excluded)];
  const value = new asn1.NameConstraints({
    ...(permittedSubtrees ? { permittedSubtrees } : {}),
    ...(excludedSubtrees ? { excludedSubtrees } : {}),
  });
  return new x509.Extension('2.5.29.30', true, AsnConvert.serialize(value));
}

/** A revocation list in PEM. */
export async function revocations(
  by: Issued,
  serialNumbers: readonly string[],
  options: { thisUpdate?: Date; nextUpdate?: Date; extensions?: x509.Extension[] } = {},
): Promise<string> {
  const list = await x509.X509CrlGenerator.create({
    issuer: by.x509.subject,
    thisUpdate: options.thisUpdate ?? new Date(),
    nextUpdate: options.nextUpdate ?? new Date(Date.now() + dayMs),
    entries: serialNumbers.map((serialNumber) => ({ serialNumber })),
    extensions: options.extensions ?? [],
    signingAlgorithm: p256,
    signingKey: by.keys.privateKey,
  });
  // RFC 7468, 6; the library has a label of its own.
  return x509.PemConverter.encode(list.rawData, 'X509 CRL');
}

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
