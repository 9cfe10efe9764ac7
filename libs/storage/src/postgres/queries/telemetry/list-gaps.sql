-- Devices of a project of which messages never came. $1 project, $2 cursor (device name), $3 limit, $4 device name or null.
select d.name as device, r.boot_id as "bootId", r.last_sequence::float8 as "lastSequence", r.gaps::float8 as missing,
  r.hello_at as "helloAt"
from device_report r join device d on d.project_id = r.project_id and d.id = r.device_id
where r.project_id = $1 and r.gaps > 0 and ($2::text is null or d.name > $2) and ($4::text is null or d.name = $4)
order by d.name limit $3
