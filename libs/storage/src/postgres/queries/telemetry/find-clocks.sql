select c.project_id as "projectId", c.device_id as "deviceId", c.boot_id as "bootId", c.offset_ms::float8 as "offsetMs", c.known
from boot_clock c
join unnest($1::uuid[], $2::uuid[], $3::bigint[]) as t (project_id, device_id, boot_id)
  on c.project_id = t.project_id and c.device_id = t.device_id and c.boot_id = t.boot_id
