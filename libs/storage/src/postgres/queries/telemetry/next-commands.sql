-- The oldest waiting command of each device that has none under way, now counted as sent. Arrays: project, device, credential it
-- connected with. The counter lies above all that were given and above what the device has taken; the one after it belongs to the
-- say-hello behind it. Without a key of the credential the project's key signs that the device says it has.
with due as (
  select distinct on (c.project_id, c.device_id) c.project_id, c.device_id, c.id, own.sealed_key, s.id as signer_id, s.private_key
  from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as q (project_id, device_id, credential_id)
  join device_command c on c.project_id = q.project_id and c.device_id = q.device_id and c.state = 'queued'
    and c.expires_at > now()
  join device_report r on r.project_id = q.project_id and r.device_id = q.device_id
  left join device_credential own on own.project_id = q.project_id and own.id = q.credential_id
  left join signing_key s on own.sealed_key is null and s.project_id = q.project_id and s.private_key is not null
    and encode(substring(sha256(s.public_key) for 8), 'hex') = r.hello ->> 'currentKey'
  where (own.sealed_key is not null or s.id is not null) and not exists (select from device_command o
    where o.project_id = c.project_id and o.device_id = c.device_id and o.state = 'sent')
  order by c.project_id, c.device_id, c.id
), counted as (
  update device d set ask_counter = greatest(d.ask_counter, coalesce((r.hello ->> 'askCounter')::bigint, 0)) + 2
  from due join device_report r on r.project_id = due.project_id and r.device_id = due.device_id
  where d.project_id = due.project_id and d.id = due.device_id
    and greatest(d.ask_counter, coalesce((r.hello ->> 'askCounter')::bigint, 0)) <= 4294967293
  returning d.project_id, d.id as device_id, d.name, d.ask_counter - 1 as counter, r.boot_id,
    coalesce((r.hello -> 'counters' ->> '10')::bigint, 0) as refused
)
update device_command c set state = 'sent', counter = n.counter, sent_boot_id = n.boot_id, sent_refused = n.refused, sent_at = now()
from due join counted n on n.project_id = due.project_id and n.device_id = due.device_id
where c.project_id = due.project_id and c.id = due.id
returning c.project_id as "projectId", c.device_id as "deviceId", n.name as device, c.id, c.state, n.counter::float8 as counter,
  c.command, c.argument::float8 as argument, c.data, due.sealed_key as "sealedKey", due.signer_id as "signerId",
  due.private_key as "sealedPrivateKey"
