-- Devices that do not hold the project's newest key, with the key that can tell them: the one they have now; or, where that is
-- kept elsewhere, with what it has signed for them there. Arrays: project, device. A device that does not say which keys it has
-- is left alone. Counts two counters, as next-commands.sql does.
with due as (
  select q.project_id, q.device_id, t.public_key, t.key_sequence, s.id as signer_id, s.private_key, h.ask, h.counter,
    coalesce((r.hello ->> 'askCounter')::bigint, 0) as taken
  from unnest($1::uuid[], $2::uuid[]) as q (project_id, device_id)
  join device_report r on r.project_id = q.project_id and r.device_id = q.device_id
  join lateral (
    select id, public_key, key_sequence from signing_key k where k.project_id = q.project_id and k.state in ('next', 'active')
    order by key_sequence desc limit 1
  ) as t on true
  join signing_key s on s.project_id = q.project_id and s.key_sequence < t.key_sequence
    and encode(substring(sha256(s.public_key) for 8), 'hex') = r.hello ->> 'currentKey'
  left join key_handover h on h.project_id = q.project_id and h.device_id = q.device_id and h.key_id = t.id and h.signer_id = s.id
    and h.counter > coalesce((r.hello ->> 'askCounter')::bigint, 0)
  where r.hello ->> 'nextKey' is distinct from encode(substring(sha256(t.public_key) for 8), 'hex')
    and (s.private_key is not null or h.ask is not null)
)
update device d set ask_counter = case when due.private_key is null then greatest(d.ask_counter, due.counter + 1)
  else greatest(d.ask_counter, due.taken) + 2 end
from due where d.project_id = due.project_id and d.id = due.device_id and greatest(d.ask_counter, due.taken) <= 4294967293
returning d.project_id as "projectId", d.id as "deviceId",
  case when due.private_key is null then due.counter else d.ask_counter - 1 end::float8 as counter,
  due.signer_id as "signerId", due.private_key as "sealedPrivateKey", due.ask as "signedAsk",
  due.public_key as "nextPublicKey", due.key_sequence as "nextSequence"
