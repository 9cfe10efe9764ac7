-- Connections of a device since $3 and the last one before, the newest first. $1 project, $2 device name, $4 limit
select c.began_at as "beganAt", c.ended_at as "endedAt"
from device d
join connection c on c.project_id = d.project_id and c.device_id = d.id and c.began_at >= coalesce((
  select max(b.began_at) from connection b where b.project_id = d.project_id and b.device_id = d.id and b.began_at < $3
), $3::timestamptz)
where d.project_id = $1 and d.name = $2
order by c.began_at desc
limit $4
