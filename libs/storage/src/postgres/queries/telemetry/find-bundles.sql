select b.project_id as "projectId", b.prefix, b.model_version_id as "modelVersionId", b.classes::int
from bundle_name b
join unnest($1::uuid[], $2::bytea[]) as t (project_id, prefix) on b.project_id = t.project_id and b.prefix = t.prefix
