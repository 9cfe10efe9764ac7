-- Alerts that come back, clocks that are found by an index, deliveries by route, and actions that are tried again.

-- An alert that was calm and comes back is the same one: it is opened again, and told again.
alter table alert
  add column waiting_since timestamptz,      -- open, and nobody has been told that nobody acknowledged it; null: not so
  add column reopened integer not null default 0,
  add column was_calm boolean not null default false; -- resolved because it was calm: it may come back
update alert set waiting_since = opened_at where state = 'open' and escalated_at is null;
drop index alert_waiting_idx;
create index alert_waiting_idx on alert (waiting_since) where waiting_since is not null;
create index alert_muted_idx on alert (muted_until) where state = 'muted';
create index alert_standing_idx on alert (project_id) where watch_id is null;
create index alert_calm_idx on alert (project_id, kind, subject) where was_calm;

-- occurrence: of the alert's openings, from 0. Nobody is told twice of the same.
alter table alert_delivery
  add column occurrence integer not null default 0,
  drop constraint alert_delivery_once,
  add constraint alert_delivery_once unique (project_id, route_id, alert, event, occurrence);
drop index alert_delivery_due_idx;
create index alert_delivery_due_idx on alert_delivery (project_id, route_id, next_attempt_at) where state = 'waiting';

alter table alert_action
  add column attempts integer not null default 0,
  add column next_attempt_at timestamptz not null default now();
drop index alert_action_due_idx;
create index alert_action_due_idx on alert_action (next_attempt_at) where state = 'due';

-- Devices that an alert concerns. One of the whole fleet has set none aside: it is all of its watch, or, where that is gone, those of
-- its evidence.
create function alert_devices(a alert) returns table (device_id uuid) language sql stable as $$
  select value::uuid from jsonb_array_elements_text(a.incident -> 'devices') as one (value)
  union all
  select (member ->> 0)::uuid
  from quality_watch w cross join jsonb_array_elements(w.devices) as one (member)
  where jsonb_array_length(a.incident -> 'devices') = 0 and w.project_id = a.project_id and w.id = a.watch_id
  union all
  select d.id from jsonb_array_elements_text(a.evidence -> 'devices') as one (name)
  join device d on d.project_id = a.project_id and d.name = one.name
  where jsonb_array_length(a.incident -> 'devices') = 0
    and not exists (select from quality_watch w where w.project_id = a.project_id and w.id = a.watch_id)
$$;
