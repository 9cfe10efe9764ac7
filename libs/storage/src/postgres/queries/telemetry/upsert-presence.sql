insert into presence as x (project_id, device_id, connected, last_seen_at, next_contact_by)
select t.* from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::timestamptz[], $5::timestamptz[])
  as t (project_id, device_id, connected, last_seen_at, next_contact_by)
join device d on d.project_id = t.project_id and d.id = t.device_id
order by t.project_id, t.device_id
on conflict (project_id, device_id) do update set connected = excluded.connected,
  last_seen_at = greatest(x.last_seen_at, excluded.last_seen_at), next_contact_by = excluded.next_contact_by
