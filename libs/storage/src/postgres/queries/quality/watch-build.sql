-- What the newest build of a model with this schema of monitors said of validation data. $1 project, $2 model, $3 schema
select m.name || '@' || v.version as release, b.schema_crc::float8 as "schemaCrc", b.data as baseline
from build_baseline b
join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where b.project_id = $1 and v.model_id = $2 and b.schema_crc = $3
order by b.created_at desc limit 1
