/**
 * The instance's own certificate authority and server certificate, for `--lan`: made at first use, kept in the data
 * directory, renewed before they expire or when the machine's addresses change. Devices pin the authority by its
 * fingerprint. Not for public names: put a proxy with a public certificate in front of those.
 */
import 'reflect-metadata';
import { createHash, webcrypto } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

export interface ServerTls {
  /** PEM: the server's certificate, then the authority's. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
  /** PEM of the authority alone: what devices and browsers are given to trust. */
  readonly authority: string;
  /** SHA-256 of the authority's DER, colon-separated upper-case hex as tools print it. */
  readonly fingerprint: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Node's types and the library's name the same interface differently. */
const cryptoOfNode = webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0];
const dayMs = 86_400_000;
const authorityDays = 3_650;
/** Browsers refuse longer ones. */
const serverDays = 397;
const renewDays = 30;

interface Pair {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly keyPem: string;
}

/** @param folder made with mode 0700 when absent */
export async function ensureServerTls(
  folder: string,
  options: { readonly names?: readonly string[]; readonly now?: Date } = {},
): Promise<ServerTls> {
  x509.cryptoProvider.set(cryptoOfNode);
  const now = options.now ?? new Date();
  const names = [...new Set(options.names ?? localNames())].sort();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let authority = await readPair(folder, 'authority');
  if (!authority || expiresWithin(authority.certificate, now, serverDays + renewDays)) {
    authority = await makeAuthority(now);
    await writePair(folder, 'authority', authority);
  }
  let server = await readPair(folder, 'server');
  if (!server || !(await isUsable(server.certificate, authority, names, now))) {
    server = await makeServer(authority, names, now);
    await writePair(folder, 'server', server);
  }
  const authorityPem = authority.certificate.toString('pem');
  return {
    cert: `${server.certificate.toString('pem')}\n${authorityPem}\n`,
    key: server.keyPem,
    authority: authorityPem,
    fingerprint: fingerprintOf(authority.certificate),
  };
}

/** What others on the network may type: host name, its .local form, and every address. */
export function localNames(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address }) => address.replace(/%.*$/, ''));
  const name = hostname().toLowerCase();
  return ['localhost', name, ...(name.includes('.') ? [] : [`${name}.local`]), ...addresses];
}

async function makeAuthority(now: Date): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=TinyFleet local authority',
    notBefore: new Date(now.getTime() - dayMs),
    notAfter: new Date(now.getTime() + authorityDays * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys, keyPem: await keyToPem(keys.privateKey) };
}

async function makeServer(authority: Pair, names: readonly string[], now: Date): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: 'CN=TinyFleet',
    issuer: authority.certificate.subject,
    notBefore: new Date(now.getTime() - dayMs),
    notAfter: new Date(now.getTime() + serverDays * dayMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isAddress(name) ? ('ip' as const) : ('dns' as const), value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
    ],
  });
  return { certificate, keys, keyPem: await keyToPem(keys.privateKey) };
}

async function isUsable(
  certificate: x509.X509Certificate,
  authority: Pair,
  names: readonly string[],
  now: Date,
): Promise<boolean> {
  if (expiresWithin(certificate, now, renewDays)) return false;
  const present = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const covered = new Set(present.map(({ value }) => value));
  if (!names.every((name) => covered.has(name))) return false;
  return await certificate.verify({ publicKey: authority.keys.publicKey, signatureOnly: true });
}

const expiresWithin = (certificate: x509.X509Certificate, now: Date, days: number): boolean =>
  certificate.notAfter.getTime() < now.getTime() + days * dayMs;

const isAddress = (name: string): boolean => /^[0-9.]+$/.test(name) || name.includes(':');

/** 63 random bits, positive. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(8));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function fingerprintOf(certificate: x509.X509Certificate): string {
  const hex = createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('hex').toUpperCase();
  return hex.match(/../g)!.join(':');
}

async function keyToPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function readPair(folder: string, name: string): Promise<Pair | undefined> {
  try {
    const keyPem = await readFile(join(folder, `${name}-key.pem`), 'utf8');
    const certificate = new x509.X509Certificate(await readFile(join(folder, `${name}.pem`), 'utf8'));
    const pkcs8 = x509.PemConverter.decodeFirst(keyPem);
    const privateKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']);
    const spki = certificate.publicKey.rawData;
    const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
    return { certificate, keys: { privateKey, publicKey }, keyPem };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The key first: a certificate without its key would be taken for whole. */
async function writePair(folder: string, name: string, pair: Pair): Promise<void> {
  await writeWhole(join(folder, `${name}-key.pem`), pair.keyPem, 0o600);
  await writeWhole(join(folder, `${name}.pem`), pair.certificate.toString('pem'), 0o644);
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
