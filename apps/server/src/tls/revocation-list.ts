/** Certificate revocation lists (RFC 5280, 5): complete ones of an authority itself, not deltas, not of somebody else's certificates. */
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate as ParsedCertificate, KeyUsage, KeyUsageFlags } from '@peculiar/asn1-x509';
import { X509Certificate, X509Crl } from '@peculiar/x509';
import { FleetError } from '@tinyfleet/errors';
import type { Certificate, RevocationList } from '@tinyfleet/registry';

const keyUsage = '2.5.29.15';
const weak = new Set(['SHA-1', 'MD5']);

/** PEM, signed by the authority. @throws provisioning.crl-invalid */
export async function readRevocations(
  text: string,
  authority: Certificate,
  { maxEntries }: { readonly maxEntries: number },
): Promise<RevocationList> {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new FleetError('provisioning.crl-invalid', { reason }, { cause });
  };
  const [body, ...others] = [...text.matchAll(/-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g)];
  if (!body || others.length > 0) return refuse('it has to be one list in PEM');
  try {
    const list = new X509Crl(new Uint8Array(Buffer.from(body[1]!, 'base64')));
    const own = new X509Certificate(new Uint8Array(authority.der));
    if (list.issuer !== own.subject) return refuse('it is of another authority');
    const hash = (list.signatureAlgorithm as { readonly hash?: { readonly name: string } }).hash?.name;
    if (hash !== undefined && weak.has(hash)) return refuse(`its signature is by ${hash}`);
    if (!maySign(authority)) return refuse('the key usage of the authority has no signing of such lists');
    if (!(await list.verify({ publicKey: own }))) return refuse('it is not signed by the authority');
    const { thisUpdate, nextUpdate } = list;
    if (!nextUpdate) return refuse('it does not say when the next one comes');
    const critical = list.extensions.find((one) => one.critical);
    if (critical) return refuse(`it has a critical extension that is not understood, ${critical.type}`);
    const { entries } = list;
    if (entries.length > maxEntries)
      return refuse(`it names ${entries.length} certificates, more than ${maxEntries}`);
    if (entries.some((one) => one.extensions.some((extension) => extension.critical)))
      return refuse('an entry has a critical extension, as lists for other authorities have');
    const serials = new Set(entries.map((one) => one.serialNumber.toLowerCase().replace(/^0+(?=.)/, '')));
    return { thisUpdate, nextUpdate, entries: entries.length, serials: [...serials] };
  } catch (error) {
    if (error instanceof FleetError) throw error;
    return refuse('it cannot be read', error);
  }
}

/** Absent means all uses (RFC 5280, 4.2.1.3). */
function maySign({ der }: Certificate): boolean {
  const { extensions = [] } = AsnConvert.parse(der, ParsedCertificate).tbsCertificate;
  const found = extensions.find(({ extnID }) => extnID === keyUsage);
  return !found || (AsnConvert.parse(found.extnValue, KeyUsage).toNumber() & KeyUsageFlags.cRLSign) !== 0;
}
