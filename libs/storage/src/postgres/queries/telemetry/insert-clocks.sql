-- The first word on a boot's clock stands; later ones change nothing.
insert into boot_clock (project_id, device_id, boot_id, offset_ms, known)
select t.* from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::boolean[]) as t (project_id, device_id, boot_id, offset_ms, known)
join device d on d.project_id = t.project_id and d.id = t.device_id
order by t.project_id, t.device_id, t.boot_id
on conflict do nothing
