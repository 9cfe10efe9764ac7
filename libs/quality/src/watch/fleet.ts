/** The fleet of a watch: positions of its devices, their attributes, and groups of those that share one. */
import { keyOf, membersByValue, type Attributes } from '../drift/attribute-search.js';
import type { WatchedGroup } from '../drift/fleet-watch.js';
import type { WatchedDevice, WatchMember } from './ports.js';

/** Groups of fewer are judged as devices. */
const LEAST_GROUP = 3;
/** Each group costs some of the budget: the largest ones. */
const MOST_GROUPS = 50;

export const attributeOf = (device: WatchedDevice | undefined, name: string): string =>
  device === undefined ? '' : name === 'site' ? device.site : (device.attributes[name] ?? '');

export function attributesOf(
  members: readonly WatchMember[],
  devices: ReadonlyMap<string, WatchedDevice>,
  releases: ReadonlyMap<string, string>,
): Attributes[] {
  return members.map(([id, version]) => {
    const device = devices.get(id);
    // One that is removed belongs to nothing any more.
    return device ? attributesOfDevice(device, releases.get(version)) : {};
  });
}

/** @param release that it runs, as `model@version`, where that is known */
export const attributesOfDevice = (
  { attributes, type, site }: Pick<WatchedDevice, 'attributes' | 'type' | 'site'>,
  release: string | undefined,
): Attributes => ({
  ...attributes,
  type,
  ...(site === '' ? {} : { site }),
  ...(release === undefined ? {} : { version: release }),
});

export const groupsOf = (attributes: readonly Attributes[]): WatchedGroup[] =>
  membersByValue(attributes, LEAST_GROUP)
    .sort((a, b) => b.members.length - a.members.length || (keyOf(a) < keyOf(b) ? -1 : 1))
    .slice(0, MOST_GROUPS);
