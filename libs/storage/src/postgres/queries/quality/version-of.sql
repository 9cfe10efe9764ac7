-- $1 project, $2 release
select v.labels from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
where v.project_id = $1 and m.name || '@' || v.version = $2
