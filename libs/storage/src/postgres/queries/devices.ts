/**
 * The device as people see it: one FROM clause that lists, details, filters and rollout targets share. `d` is the
 * device, `t` its type, `report` its last hello, `active` the release it runs, `state` its presence.
 */
import type { Resource } from '@tinyfleet/contracts';

/** Releases with their bundles: `a` artifact, `r` release, `v` model version, `m` model. */
export const RELEASES = `release_artifact a
    join release r on r.project_id = a.project_id and r.id = a.release_id
    join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
    join model m on m.project_id = v.project_id and m.id = v.model_id`;

/** The release that `report` runs: of several with the same bundle the one it names, else the newest. */
export const ACTIVE_RELEASE = `
    select m.name || '@' || v.version as ref, v.version, v.version_order
    from ${RELEASES}
    where a.project_id = report.project_id and a.bundle_digest = report.active_digest
    order by (r.sequence = report.release_sequence) desc, r.sequence desc limit 1`;

/** The first condition over `seen` that holds names the presence; a device without a row of presence is 'never'. */
export const PRESENCE_CONDITIONS: Readonly<Record<Exclude<Resource<'Presence'>, 'never'>, string>> = {
  connected: 'seen.connected',
  pending: 'not seen.connected and seen.next_contact_by > now() and seen.duty_cycle_s is null',
  sleeping: 'not seen.connected and seen.next_contact_by > now() and seen.duty_cycle_s is not null',
  lost: 'not seen.connected and (seen.next_contact_by > now()) is not true and seen.lost_at <= now()',
  silent:
    'not seen.connected and (seen.next_contact_by > now()) is not true and (seen.lost_at <= now()) is not true',
};
/** Over `seen`. */
export const PRESENCE = `case when seen.device_id is null then 'never' ${Object.entries(PRESENCE_CONDITIONS)
  .map(([presence, condition]) => `when ${condition} then '${presence}'`)
  .join(' ')} end`;

export const DEVICE_FROM = `
  from device d
  join device_type t on t.project_id = d.project_id and t.id = d.type_id
  left join presence seen on seen.project_id = d.project_id and seen.device_id = d.id
  left join device_report report on report.project_id = d.project_id and report.device_id = d.id
  left join lateral (${ACTIVE_RELEASE}) active on report.active_digest is not null
  cross join lateral (select ${PRESENCE} as presence) state`;

export const DEVICE_COLUMNS = `
  d.id, d.name, t.name as type, d.tags, d.site, d.hardware_revision, d.state, d.created_at,
  d.revision::float8 as revision, state.presence, seen.last_seen_at,
  seen.next_contact_by, report.firmware_version, active.ref as active_release, report.active_digest,
  report.update_state`;

export interface DeviceListRow {
  id: string;
  name: string;
  type: string;
  tags: string[];
  site: string;
  hardware_revision: string;
  state: Resource<'DeviceState'>;
  revision: number;
  created_at: Date;
  presence: Resource<'Presence'>;
  last_seen_at: Date | null;
  next_contact_by: Date | null;
  firmware_version: string | null;
  active_release: string | null;
  active_digest: Buffer | null;
  update_state: string | null;
}

export const DEVICE_DETAIL_COLUMNS = `${DEVICE_COLUMNS},
  d.notes, d.location, d.latitude, d.longitude, d.desired, d.desired_version::float8 as desired_version,
  report.reported, coalesce(report.reported_version, 0)::float8 as reported_version,
  report.boot_id::text as boot_id, report.reset_cause, report.abi::int as abi, report.slots, report.fetch_slot,
  report.hello,
  report.hello_at, report.error_code,
  (select m.name || '@' || v.version from desired_state w
     join release r on r.project_id = w.project_id and r.id = w.release_id
     join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
     join model m on m.project_id = v.project_id and m.id = v.model_id
   where w.project_id = d.project_id and w.device_id = d.id and w.shadow_every is null) as desired_release,
  (select jsonb_object_agg(encode(a.bundle_digest, 'hex'), jsonb_build_object('release', m.name || '@' || v.version,
     'bytes', a.bundle_bytes, 'releaseSequence', r.sequence) order by r.sequence)
   from release_artifact a
     join release r on r.project_id = a.project_id and r.id = a.release_id
     join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
     join model m on m.project_id = v.project_id and m.id = v.model_id
   where a.project_id = d.project_id and a.type_id = d.type_id) as releases_by_digest,
  (select jsonb_object_agg(encode(b.bundle_digest, 'hex'), m.name || '@' || v.version order by v.version_order)
   from build b
     join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
     join model m on m.project_id = v.project_id and m.id = v.model_id and m.component = 'firmware'
   where b.project_id = d.project_id and b.type_id = d.type_id and b.bundle_digest is not null) as images_by_digest`;

export interface DeviceDetailRow extends DeviceListRow {
  notes: string;
  location: string;
  latitude: number | null;
  longitude: number | null;
  desired: Record<string, string | number | boolean>;
  desired_version: number;
  reported: Record<string, string | number | boolean> | null;
  reported_version: number;
  boot_id: string | null;
  reset_cause: number | null;
  abi: number | null;
  slots: { digest: string | null; state: string; releaseSequence: number; bytes: number }[] | null;
  hello: Record<string, unknown> | null;
  hello_at: Date | null;
  error_code: number | null;
  desired_release: string | null;
  fetch_slot: number | null;
  releases_by_digest: Record<string, { release: string; bytes: number; releaseSequence: number }> | null;
  images_by_digest: Record<string, string> | null;
}
