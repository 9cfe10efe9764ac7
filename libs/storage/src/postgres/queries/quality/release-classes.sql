-- Names of classes. $1 project, $2 releases
select m.name || '@' || v.version as release, v.labels
from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
where v.project_id = $1 and m.name || '@' || v.version = any ($2::text[])
