-- Hellos: one row per device, the last one wins. Sequence counts start over with a boot.
insert into device_report as x (project_id, device_id, boot_id, hello_at, firmware_version, abi, reset_cause, slots, fetch_slot,
  active_digest, release_sequence, floor, hello, reported, reported_version, firmware_order, name, firmware_digest)
select t.project_id, t.device_id, t.boot_id, t.hello_at, t.firmware_version, t.abi, t.reset_cause, t.slots, t.fetch_slot,
  t.active_digest, t.release_sequence, t.floor, t.hello, jsonb_strip_nulls(t.reported), 1, t.firmware_order, d.name, t.firmware_digest
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[], $6::bigint[], $7::smallint[], $8::jsonb[],
    $9::smallint[], $10::bytea[], $11::bigint[], $12::bigint[], $13::jsonb[], $14::jsonb[],
    $15::text[], $16::bytea[])
  as t (project_id, device_id, boot_id, hello_at, firmware_version, abi, reset_cause, slots, fetch_slot, active_digest,
    release_sequence, floor, hello, reported, firmware_order, firmware_digest)
join device d on d.project_id = t.project_id and d.id = t.device_id
order by t.project_id, t.device_id
on conflict (project_id, device_id) do update set
  boot_id = excluded.boot_id, hello_at = excluded.hello_at, firmware_version = excluded.firmware_version, abi = excluded.abi,
  reset_cause = excluded.reset_cause, slots = excluded.slots, fetch_slot = excluded.fetch_slot,
  active_digest = excluded.active_digest, release_sequence = excluded.release_sequence, floor = excluded.floor,
  hello = excluded.hello,
  reported = x.reported || excluded.reported,
  reported_version = x.reported_version + case when x.reported @> excluded.reported then 0 else 1 end,
  firmware_order = excluded.firmware_order, firmware_digest = excluded.firmware_digest,
  last_sequence = case when x.boot_id = excluded.boot_id then x.last_sequence else 0 end,
  gaps = case when x.boot_id = excluded.boot_id then x.gaps else 0 end
