-- Makes the devices of a part of the stage that are not there yet, with the tokens that they have.
-- $1 project, $2 first page, $3 the page after the last, $4 by whom
with made as (
  insert into device (project_id, id, name, type_id, tags, site, hardware_revision, notes, desired, desired_version)
  select $1, s.id, s.name, t.id, coalesce(string_to_array(s.tags, ','), '{}'), coalesce(s.site, ''),
    coalesce(s.hardware_revision, ''), coalesce(s.notes, ''), coalesce(s.attributes::jsonb, '{}'),
    (coalesce(s.attributes, '{}') <> '{}')::integer
  from pg_temp.device_import_stage s join device_type t on t.project_id = $1 and t.name = s.type
  where s.ctid >= $2::tid and s.ctid < $3::tid
  on conflict (project_id, name) do nothing
  returning id
), tokens as (
  insert into device_credential (project_id, id, device_id, kind, hash, created_by)
  select $1, s.id, s.id, 'token', s.token_hash, $4::text
  from made join pg_temp.device_import_stage s on s.id = made.id and s.ctid >= $2::tid and s.ctid < $3::tid
  where s.token_hash is not null
)
select count(*)::integer as count from made
