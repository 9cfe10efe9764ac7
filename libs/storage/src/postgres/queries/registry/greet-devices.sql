-- First hellos: whoever was only registered or claimed is active from now on. $1 projects, $2 devices, $3 states before,
-- $4 the state after.
update device d set state = $4
from unnest($1::uuid[], $2::uuid[]) as t (project_id, device_id)
where d.project_id = t.project_id and d.id = t.device_id and d.state = any ($3::text[])
