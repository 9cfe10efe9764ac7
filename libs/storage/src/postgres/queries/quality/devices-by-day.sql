-- Devices that sent windows of a version, by day.
-- $1 project, $2 from, $3 to, $4 bucket seconds (whole days)
select (extract(epoch from date_bin(make_interval(secs => $4), r.day::timestamp at time zone 'UTC', to_timestamp(0))) * 1000)::float8 as at_ms,
       m.name || '@' || v.version as release,
       count(distinct r.device_id)::float8 as devices
from rollup_device_day r
join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where r.project_id = $1
  and r.day >= ($2::timestamptz at time zone 'UTC')::date and r.day <= ($3::timestamptz at time zone 'UTC')::date
group by 1, 2, v.version_order
order by 1, v.version_order, 2
