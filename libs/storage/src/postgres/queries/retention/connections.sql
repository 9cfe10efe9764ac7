-- Connections that were over $1 days ago: closed, or followed by another one. One that goes on stays, however long.
delete from connection c
where c.began_at < now() - make_interval(days => $1) and (
  c.ended_at < now() - make_interval(days => $1)
  or c.ended_at is null and exists (
    select from connection n where n.project_id = c.project_id and n.device_id = c.device_id and n.began_at > c.began_at
      and n.began_at < now() - make_interval(days => $1)
  )
)
