-- How devices sleep, how many labels come, and how installations ended. $1 project, $2 devices by name, $3 days of labels.
with looked as (
  select d.id, p.duty_cycle_s from device d left join presence p on p.project_id = d.project_id and p.device_id = d.id
  where d.project_id = $1 and d.name = any ($2::text[])
)
select (select count(*) from looked)::int as devices,
  (select count(*) from looked where duty_cycle_s >= 1800)::int as sleepers,
  (select avg(duty_cycle_s) / 3600 from looked where duty_cycle_s >= 1800)::float8 as "sleeperHours",
  (select count(*) from prediction x join looked on looked.id = x.device_id
   where x.project_id = $1 and x.label is not null and x.at > now() - make_interval(days => $3))::int as labels,
  i.ended, i.failed, i.silent
from (
  select count(*)::int as ended, count(*) filter (where dp.state in ('failed', 'reverted'))::int as failed,
    count(*) filter (where dp.state = 'silent')::int as silent
  from deployment dp
  where dp.project_id = $1 and dp.state in ('active', 'failed', 'reverted', 'silent') and dp.finished_at > now() - interval '90 days'
) as i
