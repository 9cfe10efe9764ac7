-- Devices made while an import ran, in order of time and name, with the hash of each token that they have.
-- $1 project, $2 import, $3 and $4 after this time and name, $5 how many
select d.name, c.hash, d.created_at::text as created_at
from device_import i
join device d on d.project_id = $1 and d.created_at >= i.created_at and d.created_at <= i.finished_at
join device_credential c on c.project_id = $1 and c.device_id = d.id and c.id = d.id and c.kind = 'token'
where i.project_id = $1 and i.id = $2
  and ($3::timestamptz is null or (d.created_at, d.name) > ($3::timestamptz, $4::text collate "C"))
order by d.created_at, d.name limit $5
