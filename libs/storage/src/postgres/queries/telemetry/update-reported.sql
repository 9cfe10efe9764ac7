-- Reported attributes from telemetry: what differs is merged in. $1 projects, $2 devices, $3 attributes. Rows are locked in
-- one order, as hellos do.
with t as materialized (
  select r.project_id, r.device_id, t.reported
  from unnest($1::uuid[], $2::uuid[], $3::jsonb[]) as t (project_id, device_id, reported)
  join device_report r on r.project_id = t.project_id and r.device_id = t.device_id
  where not r.reported @> t.reported
  order by r.project_id, r.device_id for update of r
)
update device_report r set reported = r.reported || t.reported, reported_version = r.reported_version + 1
from t where r.project_id = t.project_id and r.device_id = t.device_id
