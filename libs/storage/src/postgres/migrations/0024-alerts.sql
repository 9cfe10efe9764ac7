-- Drift on the server (docs/design/quality.md): settings, healthy periods, what is watched, alerts and where they go.

create table quality_settings (
  project_id uuid primary key references project (id) on delete cascade,
  settings jsonb not null,                   -- contracts QualitySettings; defaults may be missing
  revision bigint not null default 1
);

-- Declared healthy by a person. The greatest number is in force.
create table quality_baseline (
  project_id uuid not null references project (id) on delete cascade,
  number integer not null,
  from_at timestamptz not null,
  to_at timestamptz not null,
  note text not null default '',
  declared_by text not null,
  declared_at timestamptz not null default now(),
  primary key (project_id, number)
);

-- All devices that run one model with one schema of monitors; with a condition, those of one value of it. Rounds count from the
-- start of the baseline. What was learned and the round that was judged last are written together with the alerts of that round, in
-- one transaction of the leader: each round is judged once.
create table quality_watch (
  project_id uuid not null,
  id uuid not null,
  baseline integer not null,
  model_id uuid not null,
  schema_crc bigint not null,
  confidence_bins smallint not null,
  class_count smallint not null,
  part text not null default '',
  state text not null,                       -- watching | unable
  reason text not null default '',
  round_ms integer not null,
  reference jsonb not null,                  -- what a value is measured by: streams, means and spreads of the healthy period
  devices jsonb not null default '[]',       -- by position: [id, version id, round since which it has it]
  stream_count integer not null default 0,
  arl0 double precision not null default 0,
  too_late integer not null default 0,       -- windows that came behind the watermark
  learned bytea,                             -- FleetWatch.save; null: unable
  closed_round integer not null,
  read_at timestamptz not null,              -- windows that were received before it have been looked at
  primary key (project_id, id),
  constraint quality_watch_key unique (project_id, model_id, schema_crc, confidence_bins, class_count, part),
  constraint quality_watch_baseline_fkey foreign key (project_id, baseline) references quality_baseline (project_id, number) on delete cascade,
  constraint quality_watch_model_fkey foreign key (project_id, model_id) references model (project_id, id) on delete cascade
);

create table alert (
  project_id uuid not null references project (id) on delete cascade,
  number integer not null,
  kind text not null,                        -- drift | silence
  state text not null,                       -- open | acknowledged | muted | resolved
  severity text not null,                    -- warning | critical
  verdict text,                              -- sensor | pre-processing | class mix | world | unknown
  scope text not null,                       -- device | attribute | everyone
  subject text not null,
  title text not null,
  model text,
  evidence jsonb not null,                   -- contracts AlertEvidence
  watch_id uuid,                             -- whose round opened it; not a key: alerts outlive watches
  incident jsonb not null,                   -- {level, stream, shift, devices: ids, calm: rounds}, for the engine
  released boolean not null default false,   -- resolved, and the watch judges its devices again
  accepted boolean not null default false,   -- resolved by taking what it moved to for healthy
  opened_at timestamptz not null,
  last_seen_at timestamptz not null,
  times integer not null default 1,
  owner text,
  acknowledged_at timestamptz,
  acknowledged_by text,
  escalated_at timestamptz,
  muted_until timestamptz,
  resolved_at timestamptz,
  resolved_by text,
  primary key (project_id, number)
);
create unique index alert_open_key on alert (project_id, kind, subject) where state <> 'resolved';
create index alert_watch_idx on alert (project_id, watch_id) where not released;
create index alert_waiting_idx on alert (opened_at) where state in ('open', 'muted');

create table alert_entry (
  project_id uuid not null,
  alert integer not null,
  id uuid not null,                          -- version 7: in the order of time
  at timestamptz not null default now(),
  actor text not null,
  what text not null,                        -- opened | seen | acknowledged | muted | escalated | resolved | comment | action
  text text not null,
  primary key (project_id, alert, id),
  constraint alert_entry_alert_fkey foreign key (project_id, alert) references alert (project_id, number) on delete cascade
);

create table alert_route (
  project_id uuid not null references project (id) on delete cascade,
  id uuid not null,
  name text not null,
  kind text not null,                        -- webhook | slack | email
  target text not null,                      -- shown: nothing secret
  sealed bytea not null,                     -- {url, secret} or {server, from, to}
  min_severity text not null,
  enabled boolean not null default true,
  last_error text not null default '',
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  constraint alert_route_name_key unique (project_id, name)
);

create table alert_delivery (
  project_id uuid not null,
  route_id uuid not null,
  id uuid not null,                          -- the same for every attempt
  alert integer not null,
  event text not null,                       -- opened | escalated | resolved
  state text not null default 'waiting',     -- waiting | delivered | failed
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  error text,
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  -- Nobody is told twice of the same.
  constraint alert_delivery_once unique (project_id, route_id, alert, event),
  constraint alert_delivery_route_fkey foreign key (project_id, route_id) references alert_route (project_id, id) on delete cascade,
  constraint alert_delivery_alert_fkey foreign key (project_id, alert) references alert (project_id, number) on delete cascade
);
create index alert_delivery_due_idx on alert_delivery (next_attempt_at) where state = 'waiting';

create table alert_action (
  project_id uuid not null,
  alert integer not null,
  action text not null,                      -- hold-rollout | roll-back | request-samples | labelling-task
  state text not null default 'due',         -- due | done | failed
  text text not null default '',
  primary key (project_id, alert, action),
  constraint alert_action_alert_fkey foreign key (project_id, alert) references alert (project_id, number) on delete cascade
);
create index alert_action_due_idx on alert_action (project_id, alert) where state = 'due';
