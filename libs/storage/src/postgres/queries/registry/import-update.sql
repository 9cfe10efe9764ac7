-- Devices of a part of the stage that are there already get what the file has columns for.
-- $1 project, $2 first page, $3 the page after the last
update device d set
  tags = coalesce(string_to_array(s.tags, ','), d.tags),
  site = coalesce(s.site, d.site),
  hardware_revision = coalesce(s.hardware_revision, d.hardware_revision),
  notes = coalesce(s.notes, d.notes),
  desired = d.desired || coalesce(s.attributes::jsonb, '{}'),
  desired_version = d.desired_version + (d.desired || coalesce(s.attributes::jsonb, '{}') <> d.desired)::integer,
  revision = d.revision + 1
from pg_temp.device_import_stage s join device_type t on t.project_id = $1 and t.name = s.type
where d.project_id = $1 and d.name = s.name and d.type_id = t.id and s.ctid >= $2::tid and s.ctid < $3::tid
