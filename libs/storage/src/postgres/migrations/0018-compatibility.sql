-- What a device can, as a key: devices with the same one are judged once; and what a release is made of (docs/design/releases.md).

-- Of a hello, all that libs/rollouts/src/compatibility.ts looks at. Lost or added columns of it change the key and nothing else.
create function ability_key(hello jsonb, firmware text, floor bigint) returns uuid language sql immutable parallel safe as $$
  select md5(firmware || '/' || floor::text || '/' || coalesce(hello ->> 'abi', '') || '/' || coalesce(hello ->> 'opSet', '') || '/'
    || coalesce(hello ->> 'ownOpSet', '') || '/' || coalesce(hello ->> 'opVersions', '') || '/' || coalesce(hello ->> 'slotBytes', '')
    || '/' || coalesce(hello ->> 'arenaBytes', '') || '/' || coalesce(hello ->> 'stateBytes', '') || '/'
    || coalesce(hello ->> 'frontEnd', '-') || '/' || coalesce(hello ->> 'sensors', ''))::uuid
$$;
alter table device_report add column ability uuid generated always as (ability_key(hello, firmware_version, floor)) stored;
create index device_report_ability_idx on device_report (project_id, ability, name) include (device_id);

-- What its device could when it was last judged; null: it had not said hello.
alter table deployment add column ability uuid;

-- CycloneDX, byte for byte as release.statement names its digest; null: the statement was made before.
alter table release add column bom text;
