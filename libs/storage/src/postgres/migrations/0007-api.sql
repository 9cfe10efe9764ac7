-- The API's own bookkeeping: idempotency keys, imports of devices, webhooks and what they delivered.

-- A POST that was sent with an Idempotency-Key. `holder` is the attempt that may commit: a slow one whose lock has
-- run out and was taken over cannot, because every transaction of it checks that it still holds the row.
create table idempotency (
  id bytea primary key,                      -- SHA-256 of caller, project and key
  project_id uuid,                           -- null: a route outside projects
  actor text not null,
  fingerprint bytea not null,                -- SHA-256 of method, path and body
  state text not null,                       -- running | committed (its answer is not kept yet, or never was) | done
  holder uuid not null,
  status smallint,
  answer bytea,                              -- sealed: answers hold tokens
  locked_until timestamptz not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint idempotency_project_fkey foreign key (project_id) references project (id) on delete cascade
);
create index idempotency_expires_idx on idempotency (expires_at);
create index idempotency_actor_idx on idempotency (actor, created_at);

create table device_import (
  project_id uuid not null,
  id uuid not null,
  state text not null,                       -- reading | checking | writing | checked | applied | refused | failed
  dry_run boolean not null,
  on_conflict text not null,                 -- fail | skip | update
  row_count bigint not null default 0,
  added bigint not null default 0,
  updated bigint not null default 0,
  skipped bigint not null default 0,
  error_count bigint not null default 0,
  errors jsonb not null default '[]',        -- the first ones: [{line, column, code, message}]
  problem jsonb,                             -- why it failed as a whole
  sealed_secret bytea,                       -- tokens are HMACs of names under it; gone when they have been fetched
  tokens_until timestamptz,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (project_id, id),
  constraint device_import_project_fkey foreign key (project_id) references project (id) on delete cascade
);

create table webhook (
  project_id uuid not null,
  id uuid not null,
  name text not null,
  url text not null,
  events text[] not null,                    -- names of the event map
  secret bytea not null,                     -- sealed
  previous_secret bytea,                     -- sealed; signs too until previous_until
  previous_until timestamptz,
  enabled boolean not null default true,
  disabled_reason text not null default '',
  failing_since timestamptz,                 -- first failure since the last success
  created_by text not null,
  created_at timestamptz not null default now(),
  revision bigint not null default 1,
  primary key (project_id, id),
  constraint webhook_name_key unique (project_id, name),
  constraint webhook_project_fkey foreign key (project_id) references project (id) on delete cascade
);

-- What is to be delivered and what came of it. Rows are made from the outbox behind event_cursor
-- ('webhook:<id>'), only as many ahead as an endpoint may have waiting: the outbox is the queue.
create table webhook_delivery (
  project_id uuid not null,
  webhook_id uuid not null,
  id text not null,                          -- webhook-id header: the same for every attempt and replay
  number bigint,                             -- of the event; null for a ping
  type text not null,
  body text not null,
  state text not null,                       -- waiting | delivered | failed
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  status integer,                            -- of the last answer
  latency_ms integer,
  error text,
  response text,                             -- first characters of the last answer
  created_at timestamptz not null default now(),
  last_attempt_at timestamptz,
  primary key (project_id, webhook_id, id),
  constraint webhook_delivery_webhook_fkey foreign key (project_id, webhook_id) references webhook (project_id, id) on delete cascade
);
create index webhook_delivery_due_idx on webhook_delivery (webhook_id, next_attempt_at) where state = 'waiting';
create index webhook_delivery_created_idx on webhook_delivery (project_id, webhook_id, created_at);
