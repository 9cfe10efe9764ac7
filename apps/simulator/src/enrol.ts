// Registers a simulated fleet through the public API, in bulk. Devices of an earlier run get new tokens instead.
import { ApiError, type Client } from '@tinyfleet/contracts';
import type { DeviceIdentity } from './device/device.js';

/** The API takes this many registrations at once. */
const BULK = 1_000;
const CONCURRENCY = 16;

export interface EnrolOptions {
  readonly project: string;
  readonly count: number;
  readonly type: string;
  readonly prefix: string;
  readonly tags: readonly string[];
}

/** Names are `<prefix>-0001` and on, as wide as the count needs. */
export function deviceNames(prefix: string, count: number): string[] {
  const width = Math.max(3, String(count).length);
  return Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(width, '0')}`);
}

/** @throws ApiError */
export async function enrol(client: Client, options: EnrolOptions): Promise<DeviceIdentity[]> {
  const { project, type, tags } = options;
  const names = deviceNames(options.prefix, options.count);
  const existing = await existingNames(client, project, new Set(names));
  const tokens = new Map<string, string>();
  const missing = names.filter((name) => !existing.has(name));
  for (let at = 0; at < missing.length; at += BULK) {
    const devices = missing.slice(at, at + BULK).map((name) => ({ name, type, tags: [...tags], site: null }));
    const { items } = await client.call('deviceRegisterMany', { params: { project }, body: { devices } });
    for (const { device, token } of items) tokens.set(device.name, token);
  }
  const again = names.filter((name) => existing.has(name));
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let name = again.pop(); name !== undefined; name = again.pop()) {
        const { token } = await client.call('deviceToken', {
          params: { project, device: name },
          body: { overlapSeconds: 0 },
        });
        tokens.set(name, token);
      }
    }),
  );
  return names.map((name) => ({ project, name, token: tokens.get(name)!, type }));
}

async function existingNames(client: Client, project: string, wanted: Set<string>): Promise<Set<string>> {
  const found = new Set<string>();
  let cursor: string | undefined;
  do {
    const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
    const page = await client.call('deviceList', { params: { project }, query });
    for (const device of page.items) if (wanted.has(device.name)) found.add(device.name);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

/** True when the project is gone, so the fleet has no reason to go on. Any other failure is no proof of it. */
export async function projectIsGone(client: Client, project: string): Promise<boolean> {
  try {
    await client.call('projectGet', { params: { project } });
    return false;
  } catch (error) {
    return error instanceof ApiError && error.status === 404 && error.code !== 'client.unknown';
  }
}
