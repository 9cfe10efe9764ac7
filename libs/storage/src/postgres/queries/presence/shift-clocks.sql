-- One step through the devices that were away when outage $1 began: their clocks stood still for its length. $2, $3 the
-- device after which to go on (null = from the first), $4 how many. A device that has been heard since is left alone.
with span as (
  select started_at, ended_at - started_at as length from outage where number = $1
), step as (
  select x.project_id, x.device_id from presence x
  where ($2::uuid is null or (x.project_id, x.device_id) > ($2::uuid, $3::uuid))
  order by x.project_id, x.device_id limit $4
), shifted as (
  update presence x set next_contact_by = x.next_contact_by + span.length, lost_at = x.lost_at + span.length, outage = $1
  from step, span
  where x.project_id = step.project_id and x.device_id = step.device_id
    and not x.connected and x.outage < $1 and x.lost_at > span.started_at
)
select project_id as "projectId", device_id as "deviceId" from step order by project_id desc, device_id desc limit 1
