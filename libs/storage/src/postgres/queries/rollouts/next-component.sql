-- Devices that keep the firmware of their release: its model comes next. Devices that are back on the model before: the firmware that
-- they ran with it comes next. Both under a new revision. Arrays: project, device; of those that go back the release that leads to the
-- image, whether its fallback does, and the image.
with asked as (
  select q.*, row_number() over (partition by q.project_id order by q.device_id) as i, count(*) over (partition by q.project_id) as n
  from (
    select distinct on (project_id, device_id) * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::bytea[])
      as u (project_id, device_id, release_id, fallback, digest)
  ) as q
), base as (
  select project_id, next_number(project_id, 'desired', n) - n as first
  from (select distinct project_id, n from asked order by project_id) as each
)
update desired_state ds set transfer_digest = null, full_only = false, revision = base.first + a.i, updated_at = now(),
  release_id = coalesce(a.release_id, ds.release_id), fallback = coalesce(a.fallback, ds.fallback), digest = coalesce(a.digest, ds.digest)
from asked a join base on base.project_id = a.project_id
where ds.project_id = a.project_id and ds.device_id = a.device_id
