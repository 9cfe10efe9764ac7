-- Devices that could not use a payload: the bundle as it is, under a new revision. Arrays: project, device.
with asked as (
  select q.project_id, q.device_id, row_number() over (partition by q.project_id order by q.device_id) as i,
    count(*) over (partition by q.project_id) as n
  from (select distinct * from unnest($1::uuid[], $2::uuid[]) as u (project_id, device_id)) as q
), base as (
  select project_id, next_number(project_id, 'desired', n) - n as first
  from (select distinct project_id, n from asked order by project_id) as each
)
update desired_state ds set full_only = true, transfer_digest = null, revision = base.first + a.i, updated_at = now()
from asked a join base on base.project_id = a.project_id
where ds.project_id = a.project_id and ds.device_id = a.device_id
