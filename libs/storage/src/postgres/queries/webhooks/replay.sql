-- Events of a range of numbers that a webhook wants wait to be delivered, once more or, where the row is gone, again.
-- $1 project, $2 webhook, $3 from, $4 to, $5 at most
insert into webhook_delivery as d (project_id, webhook_id, id, number, type, body, state)
select $1, $2, 'evt_' || left(encode(sha256($1::uuid::text::bytea), 'hex'), 16) || '_' || s.number, s.number, s.type,
  jsonb_build_object('type', s.type, 'timestamp', to_char(s.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'project', (select name from project where id = $1), 'number', s.number, 'data', s.data)::text, 'waiting'
from event s join webhook w on w.project_id = $1 and w.id = $2 and s.type = any(w.events)
where s.project_id = $1 and s.number between $3 and $4
order by s.number limit $5
on conflict (project_id, webhook_id, id) do update set state = 'waiting', attempts = 0, next_attempt_at = now()
