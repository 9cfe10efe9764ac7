/**
 * Which addresses a webhook may reach: public ones, so that nobody uses the server to talk to its own network. The check
 * is of the address that is connected to, not of the name: a name that resolves otherwise the second time gains nothing.
 */
import { lookup as resolve } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const NOT_PUBLIC_4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4';
/** Of 2000::/3; everything beside it is not public either. 2002::/16 and 2001::/23 carry IPv4 addresses or nobody's. */
const NOT_PUBLIC_6 = '2001::/23 2001:db8::/32 2002::/16 3fff::/20';

const blocked = new BlockList();
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
for (const subnet of NOT_PUBLIC_4.split(' ')) add(subnet, 'ipv4');
for (const subnet of NOT_PUBLIC_6.split(' ')) add(subnet, 'ipv6');

function add(subnet: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', bits = ''] = subnet.split('/');
  blocked.addSubnet(address, Number(bits), family);
}

export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !blocked.check(address, 'ipv4');
    case 6:
      return global6.check(address, 'ipv6') && !blocked.check(address, 'ipv6');
    default:
      return false;
  }
}

export class PrivateAddressError extends Error {
  constructor(host: string, address: string) {
    super(`${host} is at ${address}, which is not a public address`);
  }
}

/** For sockets: resolves a name, and fails when any of its addresses is not public. */
export const publicLookup: LookupFunction = (host, options, callback) => {
  resolve(host, { ...options, all: true }, (error, addresses) => {
    const bad = error ? undefined : addresses.find(({ address }) => !isPublicAddress(address));
    const failure = error ?? (bad && new PrivateAddressError(host, bad.address));
    if (failure) return callback(failure, '', 0);
    const [first] = addresses;
    if (options.all === true) return callback(null, addresses);
    return callback(null, first?.address ?? '', first?.family ?? 0);
  });
};

/** A host that is an address is never looked up. @throws PrivateAddressError */
export function requirePublicHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new PrivateAddressError(url.hostname, host);
}
