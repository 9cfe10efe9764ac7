/** What a bulk action is to change, as it is being filled in, as the API takes it, and in words. */
import type { Resource } from '@tinyfleet/contracts';
import { attributeValue } from '../device/attribute-value';

export interface Draft {
  readonly tag: readonly string[];
  readonly untag: readonly string[];
  readonly site: string;
  readonly hardwareRevision: string;
  readonly addToGroup: string | null;
  readonly removeFromGroup: string | null;
  /** Of a desired attribute; an empty value removes it. */
  readonly key: string;
  readonly value: string;
  readonly state: '' | 'suspend' | 'resume' | 'retire';
}

export const NO_CHANGE: Draft = {
  tag: [],
  untag: [],
  site: '',
  hardwareRevision: '',
  addToGroup: null,
  removeFromGroup: null,
  key: '',
  value: '',
  state: '',
};

/** Undefined: nothing is to change. */
export function changeOf(draft: Draft): Resource<'BulkChange'> | undefined {
  const key = draft.key.trim();
  const change: Resource<'BulkChange'> = {
    ...(draft.tag.length === 0 ? {} : { tag: [...draft.tag] }),
    ...(draft.untag.length === 0 ? {} : { untag: [...draft.untag] }),
    ...(draft.site.trim() === '' ? {} : { site: draft.site.trim() }),
    ...(draft.hardwareRevision.trim() === '' ? {} : { hardwareRevision: draft.hardwareRevision.trim() }),
    ...(draft.addToGroup === null ? {} : { addToGroup: draft.addToGroup }),
    ...(draft.removeFromGroup === null ? {} : { removeFromGroup: draft.removeFromGroup }),
    ...(key === ''
      ? {}
      : { desired: { [key]: draft.value.trim() === '' ? null : attributeValue(draft.value) } }),
    ...(draft.state === '' ? {} : { state: draft.state }),
  };
  return Object.keys(change).length === 0 ? undefined : change;
}

const STATES = {
  suspend: 'suspend: the connection drops at once, and the device is refused until it is resumed',
  resume: 'resume: it may connect again',
  retire: 'retire: its credentials are taken away for good; its name and history stay',
} as const;

export function describeChange(change: Resource<'BulkChange'>): string[] {
  const lines: string[] = [];
  if (change.tag !== undefined) lines.push(`add the tags ${change.tag.join(', ')}`);
  if (change.untag !== undefined) lines.push(`take the tags ${change.untag.join(', ')} away`);
  if (typeof change.site === 'string') lines.push(`set the site to ${change.site}`);
  if (typeof change.hardwareRevision === 'string')
    lines.push(`set the hardware revision to ${change.hardwareRevision}`);
  if (change.addToGroup !== undefined) lines.push(`add to the group ${change.addToGroup}`);
  if (change.removeFromGroup !== undefined) lines.push(`take out of the group ${change.removeFromGroup}`);
  for (const [key, value] of Object.entries(change.desired ?? {}))
    lines.push(value === null ? `remove the desired ${key}` : `set the desired ${key} to ${String(value)}`);
  if (change.state !== undefined) lines.push(STATES[change.state]);
  return lines;
}
