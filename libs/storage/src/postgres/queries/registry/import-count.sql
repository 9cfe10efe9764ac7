-- $1 project
select count(d.id)::integer as known, (count(*) - count(d.id))::integer as unknown
from pg_temp.device_import_stage s left join device d on d.project_id = $1 and d.name = s.name
