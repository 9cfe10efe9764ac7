-- Both sides of the gates of a rollout are told to send windows of this length, or with $3 null what their project has: a new
-- revision of what is desired of them, which is nothing for a device that was never told anything. Who was withdrawn a moment ago has
-- its own windows again, too. $1 project, $2 rollout.
with changed as (
  update rollout set window_s = $3 where project_id = $1 and id = $2 and window_s is distinct from $3::integer returning id
), asked as (
  select dp.device_id, row_number() over (order by dp.number) as i, count(*) over () as n
  from changed join deployment dp on dp.project_id = $1 and dp.rollout_id = changed.id
  where dp.state <> 'incompatible' and (dp.state <> 'aborted' or $3::integer is null)
), base as (
  select next_number($1, 'desired', n) - n as first from (select n from asked limit 1) as one
)
insert into desired_state as x (project_id, device_id, revision, deployment_number)
select $1, a.device_id, base.first + a.i, 0 from asked a, base order by a.device_id
on conflict (project_id, device_id) do update set revision = excluded.revision
