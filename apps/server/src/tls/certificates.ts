/**
 * X.509 of devices: reads, verifies and signs; decides nothing. Node's own verifier does what it can (names, key usage,
 * signatures); the certificate library, loaded when it is needed, reads requests and signs. Keys: P-256, P-384 or RSA.
 */
import 'reflect-metadata';
import { X509Certificate, createHash, createPublicKey, verify, webcrypto, type KeyObject } from 'node:crypto';
import { FleetError } from '@tinyfleet/errors';
import type { Certificate, Certificates, RevocationList } from '@tinyfleet/registry';

type X509 = typeof import('@peculiar/x509');

const clientAuth = '1.3.6.1.5.5.7.3.2';
const dayMs = 86_400_000;
/** Clocks of devices may be behind ours by this. */
const backdateMs = 300_000;
const authorityDays = 3_650;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const minRsaBits = 2_048;

export class NodeCertificates implements Certificates {
  private library: Promise<X509> | undefined;

  read(text: string | Uint8Array): Certificate {
    try {
      if (typeof text === 'string' && (text.match(/-----BEGIN /g) ?? []).length !== 1)
        throw new Error('it has to be one certificate in PEM');
      return toCertificate(new X509Certificate(text));
    } catch (error) {
      throw new FleetError(
        'provisioning.certificate-invalid',
        { reason: (error as Error).message.slice(0, 200) },
        { cause: error },
      );
    }
  }

  isSignedBy(certificate: Certificate, authority: Certificate): boolean {
    try {
      const [child, parent] = [new X509Certificate(certificate.der), new X509Certificate(authority.der)];
      return child.checkIssued(parent) && child.verify(parent.publicKey);
    } catch {
      return false;
    }
  }

  async unsuitableFor(certificate: Certificate, use: 'device' | 'authority'): Promise<string | undefined> {
    const x509 = new X509Certificate(certificate.der);
    const weak = weakKey(x509.publicKey);
    if (weak !== undefined) return weak;
    const { X509Certificate: Parsed } = await this.load();
    const signed = new Parsed(new Uint8Array(certificate.der)).signatureAlgorithm as {
      name: string;
      hash?: { name: string };
    };
    const hash = signed.hash?.name;
    if (hash === 'SHA-1' || hash === 'MD5' || (hash === undefined && !/^Ed/.test(signed.name)))
      return `its signature is by ${hash ?? signed.name}`;
    // Node calls the extended key usage so; absent means any (RFC 5280, 4.2.1.12).
    const uses = x509.keyUsage as string[] | undefined;
    if (use === 'device' && uses !== undefined && !uses.includes(clientAuth))
      return 'its extended key usage has no client authentication';
    return undefined;
  }

  async obstacleInPath(path: readonly Certificate[]): Promise<string | undefined> {
    await this.load();
    const { obstacleInPath } = await import('./path.js');
    return obstacleInPath(path.map(({ der }) => der));
  }

  async readRevocations(
    text: string,
    authority: Certificate,
    limits: { readonly maxEntries: number },
  ): Promise<RevocationList> {
    await this.load();
    const { readRevocations } = await import('./revocation-list.js');
    return await readRevocations(text, authority, limits);
  }

  async makeAuthority(commonName: string): Promise<{ certificate: Buffer; privateKey: Buffer }> {
    const x509 = await this.load();
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const now = Date.now();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: [{ CN: [commonName] }],
      notBefore: new Date(now - backdateMs),
      notAfter: new Date(now + authorityDays * dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const privateKey = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { certificate: Buffer.from(certificate.rawData), privateKey: Buffer.from(privateKey) };
  }

  async readRequest(pem: string): Promise<{ der: Buffer }> {
    const { Pkcs10CertificateRequest } = await this.load();
    const refuse = (reason: string, cause?: unknown): never => {
      throw new FleetError('provisioning.request-invalid', { reason }, { cause });
    };
    if ((pem.match(/-----BEGIN /g) ?? []).length !== 1) return refuse('it has to be one request in PEM');
    try {
      const request = new Pkcs10CertificateRequest(pem);
      const key = createPublicKey({
        key: Buffer.from(request.publicKey.rawData),
        format: 'der',
        type: 'spki',
      });
      const weak = weakKey(key);
      if (weak !== undefined) return refuse(weak);
      if (!(await request.verify())) return refuse('its signature is not by its own key');
      return { der: Buffer.from(request.rawData) };
    } catch (error) {
      if (error instanceof FleetError) throw error;
      return refuse('it is no PKCS #10 request that can be read', error);
    }
  }

  async sign({
    request,
    commonName,
    days,
    authority,
  }: Parameters<Certificates['sign']>[0]): Promise<Certificate> {
    const x509 = await this.load();
    const parsed = new x509.Pkcs10CertificateRequest(new Uint8Array(request));
    const issuer = new x509.X509Certificate(new Uint8Array(authority.certificate));
    const signingKey = await webcrypto.subtle.importKey(
      'pkcs8',
      new Uint8Array(authority.privateKey),
      algorithm,
      false,
      ['sign'],
    );
    const now = Date.now();
    // Of the request only its key is taken: name, times and use are ours to say. Never longer than the authority itself.
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: [{ CN: [commonName] }],
      issuer: issuer.subject,
      notBefore: new Date(now - backdateMs),
      notAfter: new Date(Math.min(now + days * dayMs, issuer.notAfter.getTime())),
      signingAlgorithm: algorithm,
      publicKey: parsed.publicKey,
      signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([clientAuth]),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
        await x509.SubjectKeyIdentifierExtension.create(parsed.publicKey),
      ],
    });
    return toCertificate(new X509Certificate(Buffer.from(certificate.rawData)));
  }

  verifySignature(certificate: Certificate, data: Uint8Array, signature: Uint8Array): boolean {
    try {
      const key = new X509Certificate(certificate.der).publicKey;
      return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', data, key, signature);
    } catch {
      return false;
    }
  }

  /** A tenth of a start: most servers never need it. */
  private load(): Promise<X509> {
    this.library ??= import('@peculiar/x509').then((x509) => {
      x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
      return x509;
    });
    return this.library;
  }
}

function toCertificate(x509: X509Certificate): Certificate {
  const { CN } = x509.toLegacyObject().subject as unknown as { CN?: string | string[] };
  return {
    der: x509.raw,
    pem: x509.toString(),
    fingerprint: createHash('sha256').update(x509.raw).digest(),
    subject: oneLine(x509.subject),
    issuer: oneLine(x509.issuer),
    // Two common names are none: who reads which would be anybody's choice.
    commonName: typeof CN === 'string' ? CN : undefined,
    serial: x509.serialNumber.toLowerCase().replace(/^0+(?=.)/, ''),
    notBefore: new Date(x509.validFrom),
    notAfter: new Date(x509.validTo),
    isAuthority: x509.ca,
    keyHash: createHash('sha256')
      .update(x509.publicKey.export({ type: 'spki', format: 'der' }))
      .digest(),
  };
}

/** Of strangers too: bounded, without control characters. */
const oneLine = (name: string): string =>
  name
    .split('\n')
    .join(', ')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 200);

function weakKey(key: KeyObject): string | undefined {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return (modulusLength ?? 0) >= minRsaBits ? undefined : `its RSA key has ${modulusLength ?? 0} bits`;
    case 'ec':
      return namedCurve === 'prime256v1' || namedCurve === 'secp384r1'
        ? undefined
        : `its key is on the curve ${namedCurve ?? 'of nobody'}`;
    case 'ed25519':
      return undefined;
    default:
      return `its key is ${key.asymmetricKeyType ?? 'of no known kind'}`;
  }
}

/** 127 random bits, positive. */
function newSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
