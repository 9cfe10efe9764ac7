-- What the registry and the file as a whole say against staged rows, by line. `total` counts all of them.
-- $1 project, $2 fail | skip | update, $3 how many, $4 attributes of one device at most
with found as (
  select s.line, 'type' as "column", 'registry.type-not-found' as code, s.name, s.type, null::integer as first_line
  from pg_temp.device_import_stage s
  where not exists (select from device_type t where t.project_id = $1 and t.name = s.type)
  union all
  select s.line, 'name', 'registry.import-duplicate', s.name, s.type, f.first_line
  from pg_temp.device_import_stage s
  join (select name, min(line) as first_line from pg_temp.device_import_stage group by name having count(*) > 1) f
    on f.name = s.name and s.line > f.first_line
  union all
  select s.line, 'name', 'registry.device-exists', s.name, s.type, null
  from pg_temp.device_import_stage s
  where $2::text = 'fail' and exists (select from device d where d.project_id = $1 and d.name = s.name)
  union all
  select s.line, 'type', 'registry.import-type-differs', s.name, t.name, null
  from pg_temp.device_import_stage s
  join device d on d.project_id = $1 and d.name = s.name
  join device_type t on t.project_id = $1 and t.id = d.type_id
  where $2::text = 'update' and t.name <> s.type
  union all
  select s.line, null, 'registry.attributes-too-many', s.name, s.type, merged.count::integer
  from pg_temp.device_import_stage s
  join device d on d.project_id = $1 and d.name = s.name
  cross join lateral (select count(*) from jsonb_object_keys(d.desired || s.attributes::jsonb)) merged
  where $2::text = 'update' and s.attributes is not null and merged.count > $4::integer
)
select line, "column", code, name, type, first_line, count(*) over ()::integer as total
from found order by line, "column" limit $3
