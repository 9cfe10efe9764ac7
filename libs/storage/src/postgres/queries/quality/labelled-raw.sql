-- Labelled predictions and hits by version, from single predictions that chance chose: short ranges only.
-- $1 project, $2 from, $3 to, $4 bucket seconds, $5 model name or null
select (extract(epoch from date_bin(make_interval(secs => $4), p.at, to_timestamp(0))) * 1000)::float8 as at_ms,
       m.name || '@' || v.version as release,
       count(*)::float8 as labels,
       count(*) filter (where p.label = p.predicted)::float8 as correct
from prediction p
join model_version v on v.project_id = p.project_id and v.id = p.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
left join label_task t on t.project_id = p.project_id and t.device_id = p.device_id and t.boot_id = p.boot_id
  and t.inference_index = p.inference_index
where p.project_id = $1 and coalesce(t.reason, 'chance') = 'chance' and p.at >= $2 and p.at < $3 and p.label is not null
  and ($5::text is null or m.name = $5)
group by 1, 2, v.version_order
order by 1, v.version_order, 2
