-- Baselines of the newest build of each schema. $1 project, $2 releases
select distinct on (m.name, v.version, b.schema_crc) m.name || '@' || v.version as release, b.schema_crc::float8 as "schemaCrc",
  b.data as baseline
from build_baseline b
join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where b.project_id = $1 and m.name || '@' || v.version = any ($2::text[])
order by m.name, v.version, b.schema_crc, b.created_at desc
