-- $1 project, $2 key that devices are told of; arrays: $3 device, $4 signer, $5 counter, $6 ask. One that has a greater counter stays.
-- Of several to one device that of the greatest counter counts.
insert into key_handover as x (project_id, device_id, key_id, signer_id, counter, ask)
select distinct on (d.id) $1::uuid, d.id, $2::uuid, t.signer_id, t.counter, t.ask
from unnest($3::text[], $4::uuid[], $5::bigint[], $6::bytea[]) as t (device, signer_id, counter, ask)
join device d on d.project_id = $1 and d.name = t.device
order by d.id, t.counter desc
on conflict (project_id, device_id) do update set key_id = excluded.key_id, signer_id = excluded.signer_id,
  counter = excluded.counter, ask = excluded.ask
where x.key_id <> excluded.key_id or x.counter < excluded.counter
