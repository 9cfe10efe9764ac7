-- Devices that do not hold the key $2 and have one that is kept elsewhere, with a counter that leaves room for commands until the
-- signature comes back. $1 project, $3 after this name or null, $4 limit.
select d.name as device, encode(substring(sha256(s.public_key) for 8), 'hex') as by,
  (greatest(d.ask_counter, coalesce((r.hello ->> 'askCounter')::bigint, 0)) + 1000)::float8 as counter
from signing_key t
join device_report r on r.project_id = t.project_id and r.hello ->> 'currentKey' is not null
join device d on d.project_id = r.project_id and d.id = r.device_id and d.state not in ('suspended', 'retired')
join signing_key s on s.project_id = t.project_id and s.key_sequence < t.key_sequence and s.private_key is null
  and s.state <> 'withdrawn' and encode(substring(sha256(s.public_key) for 8), 'hex') = r.hello ->> 'currentKey'
left join key_handover h on h.project_id = d.project_id and h.device_id = d.id and h.key_id = t.id and h.signer_id = s.id
  and h.counter > coalesce((r.hello ->> 'askCounter')::bigint, 0)
where t.project_id = $1 and t.id = $2 and h.ask is null and ($3::text is null or d.name > $3)
  and r.hello ->> 'nextKey' is distinct from encode(substring(sha256(t.public_key) for 8), 'hex')
order by d.name limit $4
