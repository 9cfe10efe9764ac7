update device_report r set last_sequence = t.last_sequence, gaps = t.gaps
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[]) as t (project_id, device_id, boot_id, last_sequence, gaps)
where r.project_id = t.project_id and r.device_id = t.device_id and r.boot_id = t.boot_id
