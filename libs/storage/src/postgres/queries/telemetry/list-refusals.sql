-- Refused messages of a project. $1 project, $2 device name or null, $3-$5 cursor (day, device id, code), $6 limit.
select to_char(x.day, 'YYYY-MM-DD') as day, x.device_id as "deviceId", d.name as device, x.code, x.count::float8 as count,
  x.last_at as "lastAt", coalesce(encode(x.sample, 'hex'), '') as sample
from ingest_refusal x
left join device d on d.project_id = x.project_id and d.id = x.device_id
where x.project_id = $1 and ($2::text is null or d.name = $2)
  and ($3::date is null or x.day < $3::date or (x.day = $3::date and (x.device_id, x.code) > ($4::uuid, $5::text)))
order by x.day desc, x.device_id, x.code
limit $6
