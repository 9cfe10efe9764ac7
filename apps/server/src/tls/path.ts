/**
 * What the authorities of a path allow below them (RFC 5280, 6.1): how many further authorities, which names, which uses; and that
 * every critical extension is one that is looked at. Not signatures and times, which admission-service.ts has checked before.
 */
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  GeneralSubtree,
  KeyUsage,
  KeyUsageFlags,
  NameConstraints,
  SubjectAlternativeName,
  type GeneralName,
  type Name,
} from '@peculiar/asn1-x509';

const basicConstraints = '2.5.29.19';
const keyUsage = '2.5.29.15';
const subjectAlternativeName = '2.5.29.17';
const nameConstraints = '2.5.29.30';
const extendedKeyUsage = '2.5.29.37';
/** Without a policy that somebody asks for there is nothing to check. */
const certificatePolicies = '2.5.29.32';
const understood = new Set([
  basicConstraints,
  keyUsage,
  subjectAlternativeName,
  nameConstraints,
  extendedKeyUsage,
  certificatePolicies,
]);
const emailAddress = '1.2.840.113549.1.9.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyUse = '2.5.29.37.0';

/** Forms of names that are compared; with a constraint on another form such a name is refused (RFC 5280, 4.2.1.10). */
const forms = [
  'directoryName',
  'dNSName',
  'rfc822Name',
  'uniformResourceIdentifier',
  'iPAddress',
  'otherName',
  'registeredID',
  'x400Address',
  'ediPartyName',
] as const;
type Form = (typeof forms)[number];

/** From the device's certificate to our authority, DER; one alone is an authority. @returns what is wrong, or undefined */
export function obstacleInPath(path: readonly Uint8Array[]): string | undefined {
  let certificates: Certificate[];
  try {
    certificates = path.map((der) => AsnConvert.parse(der, Certificate));
  } catch {
    return 'a certificate on the way cannot be read';
  }
  const limits: NameConstraints[] = [];
  for (let i = certificates.length - 1; i >= 0; i--) {
    const certificate = certificates[i]!;
    const isDevice = i === 0 && certificates.length > 1;
    try {
      const reason =
        unknownExtension(certificate) ??
        // Names of our authority itself are nobody's to allow, nor those of one that renews its own key.
        (i === certificates.length - 1 || (!isDevice && isSelfIssued(certificate))
          ? undefined
          : limits.map((one) => forbiddenName(certificate, one)).find((one) => one !== undefined)) ??
        (isDevice
          ? unfitDevice(certificate)
          : unfitAuthority(certificate, authoritiesBelow(certificates, i)));
      if (reason !== undefined)
        return isDevice || certificates.length === 1
          ? reason
          : `an authority above it does not allow it: ${reason}`;
    } catch {
      return 'an extension of a certificate on the way cannot be read';
    }
    const constraints = extension(certificate, nameConstraints, NameConstraints);
    if (constraints) limits.push(constraints);
  }
  return undefined;
}

function unknownExtension({ tbsCertificate }: Certificate): string | undefined {
  const all = tbsCertificate.extensions ?? [];
  const unknown = all.find(({ critical, extnID }) => critical && !understood.has(extnID));
  if (unknown) return `it has a critical extension that is not understood, ${unknown.extnID}`;
  return new Set(all.map(({ extnID }) => extnID)).size === all.length
    ? undefined
    : 'it has an extension twice';
}

function unfitDevice(certificate: Certificate): string | undefined {
  const use = extension(certificate, keyUsage, KeyUsage);
  return use && (use.toNumber() & KeyUsageFlags.digitalSignature) === 0
    ? 'its key usage has no digital signature'
    : undefined;
}

function unfitAuthority(certificate: Certificate, below: number): string | undefined {
  const basic = extension(certificate, basicConstraints, BasicConstraints);
  if (!basic?.cA) return 'it is no authority (basicConstraints CA:TRUE)';
  if (basic.pathLenConstraint !== undefined && below > basic.pathLenConstraint)
    return `its path length is ${basic.pathLenConstraint}, and ${below} authorities are below it`;
  const use = extension(certificate, keyUsage, KeyUsage);
  if (use && (use.toNumber() & KeyUsageFlags.keyCertSign) === 0)
    return 'its key usage has no signing of certificates';
  const uses = extension(certificate, extendedKeyUsage, ExtendedKeyUsage);
  if (uses && !uses.includes(clientAuth) && !uses.includes(anyUse))
    return 'its extended key usage has no client authentication';
  const constraints = extension(certificate, nameConstraints, NameConstraints);
  const trees = [...(constraints?.permittedSubtrees ?? []), ...(constraints?.excludedSubtrees ?? [])];
  return trees.some(({ minimum, maximum }) => minimum !== 0 || maximum !== undefined)
    ? 'its name constraints have distances'
    : undefined;
}

/** Those between it and the device; who renews its own key does not count (RFC 5280, 4.2.1.9). */
const authoritiesBelow = (path: readonly Certificate[], at: number): number =>
  path.slice(1, Math.max(1, at)).filter((one) => !isSelfIssued(one)).length;

const isSelfIssued = ({ tbsCertificate: { subject, issuer } }: Certificate): boolean =>
  sameName(subject, issuer);

function forbiddenName(certificate: Certificate, limits: NameConstraints): string | undefined {
  for (const name of namesOf(certificate))
    for (const form of forms) {
      if (name[form] === undefined) continue;
      const of = (trees: readonly GeneralSubtree[] | undefined) =>
        (trees ?? []).filter(({ base }) => base[form] !== undefined);
      const [permitted, excluded] = [of(limits.permittedSubtrees), of(limits.excludedSubtrees)];
      if (permitted.length + excluded.length === 0) continue;
      if (form !== 'directoryName' && form !== 'dNSName')
        return `name constraints on ${form} are not understood`;
      if (excluded.some(({ base }) => isWithin(form, name, base))) return 'its name is excluded';
      if (permitted.length > 0 && !permitted.some(({ base }) => isWithin(form, name, base)))
        return 'its name is not among those permitted';
    }
  return undefined;
}

function namesOf(certificate: Certificate): Pick<GeneralName, Form>[] {
  const { subject } = certificate.tbsCertificate;
  const others = extension(certificate, subjectAlternativeName, SubjectAlternativeName) ?? [];
  const mail = subject.flatMap((part) => part.filter(({ type }) => type === emailAddress));
  return [
    ...(subject.length === 0 ? [] : [{ directoryName: subject }]),
    ...mail.map(({ value }) => ({ rfc822Name: value.toString() })),
    ...others,
  ];
}

function isWithin(
  form: 'directoryName' | 'dNSName',
  name: Pick<GeneralName, Form>,
  base: GeneralName,
): boolean {
  if (form === 'directoryName') {
    const [full, start] = [name.directoryName!, base.directoryName!];
    return start.length <= full.length && start.every((part, i) => rdn(part) === rdn(full[i]!));
  }
  const [host, domain] = [name.dNSName!.toLowerCase(), base.dNSName!.toLowerCase()];
  if (domain === '' || host === domain) return true;
  return host.endsWith(domain.startsWith('.') ? domain : `.${domain}`);
}

const sameName = (a: Name, b: Name): boolean =>
  a.length === b.length && a.every((part, i) => rdn(part) === rdn(b[i]!));

/** Upper and lower case and runs of blanks are alike (RFC 5280, 7.1). */
const rdn = (part: Name[number]): string =>
  part
    .map(({ type, value }) => `${type}=${value.toString().trim().replace(/\s+/g, ' ').toLowerCase()}`)
    .sort()
    .join('+');

function extension<T>(certificate: Certificate, id: string, type: new () => T): T | undefined {
  const found = certificate.tbsCertificate.extensions?.find(({ extnID }) => extnID === id);
  return found && AsnConvert.parse(found.extnValue, type);
}
