-- Makes deliveries of the events after a webhook's cursor and moves the cursor behind them, once whoever runs it: the
-- cursor's row is locked. Not beyond `window` that wait, so that the outbox and not this table holds a backlog.
-- $1 project, $2 webhook, $3 events to look at, $4 window
with place as (
  select number from event_cursor where project_id = $1 and consumer = 'webhook:' || $2::uuid::text for update
), room as (
  select greatest(0, $4::integer - count(*)::integer) as free from webhook_delivery
  where project_id = $1 and webhook_id = $2 and state = 'waiting'
), seen as (
  select e.number, e.type, e.data, e.at from event e, place
  where e.project_id = $1 and e.number > place.number
  order by e.number limit least($3::integer, (select free from room))
), made as (
  insert into webhook_delivery (project_id, webhook_id, id, number, type, body, state)
  select $1, $2, 'evt_' || left(encode(sha256($1::uuid::text::bytea), 'hex'), 16) || '_' || s.number, s.number, s.type,
    jsonb_build_object('type', s.type, 'timestamp', to_char(s.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'project', (select name from project where id = $1), 'number', s.number, 'data', s.data)::text, 'waiting'
  from seen s join webhook w on w.project_id = $1 and w.id = $2 and s.type = any(w.events)
  on conflict do nothing
)
update event_cursor c set number = latest.number
from (select max(number) as number, count(*)::integer as count from seen) latest
where c.project_id = $1 and c.consumer = 'webhook:' || $2::uuid::text and latest.number is not null
returning latest.count
