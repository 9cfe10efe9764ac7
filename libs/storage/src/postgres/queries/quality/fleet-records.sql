-- Daily sums of devices, for a fleet that is to be like theirs. $1 project, $2 devices by name, $3 days.
select d.name as device, r.site, sum(r.windows)::float8 as windows, sum(r.n)::float8 as n,
  (sum(h.total) / nullif(sum(h.count), 0))::float8 as confidence
from rollup_device_day r
join device d on d.project_id = r.project_id and d.id = r.device_id
cross join lateral (
  select sum(c.count) as count, sum(c.count * (((c.i - 1) % r.confidence_bins) + 0.5) / r.confidence_bins) as total
  from unnest(r.classes) with ordinality as c (count, i)
) as h
where r.project_id = $1 and d.name = any ($2::text[]) and r.day > (now() at time zone 'UTC')::date - $3::integer
group by d.name, r.site, r.day
having sum(h.count) > 0
order by d.name, r.site, r.day
