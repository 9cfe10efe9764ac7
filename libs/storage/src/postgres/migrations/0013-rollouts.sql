-- Rollouts with a policy (docs/design/rollouts.md): hold-backs, rates, windows, retries, the way back, rules of single
-- devices, approvals, and a log of decisions.

-- ---------------------------------------------------------------- rollouts

-- strategy: contracts RolloutPolicy, defaults may be missing. plan: what its steps came to, made at the start:
-- [{limit: devices up to and with it, percent, soakSeconds, maxSoakSeconds, approval, gates}].
alter table rollout
  add column plan jsonb not null default '[]',
  add column seed text not null default '',
  add column priority smallint not null default 50,
  add column tolerated_failures integer not null default 0,
  add column step_ended_at timestamptz,      -- all devices up to the present step had ended: its soak began
  add column approved_step integer not null default 0,  -- steps up to it may begin; -1: not even the first
  add column skipped_step integer not null default -1, -- somebody let it go on without waiting for it
  add column verdict jsonb,                  -- {outcome, reason, segment} of the gates of the present step, as last judged
  add column gate_reports jsonb not null default '[]', -- their evidence
  add column window_s integer;               -- telemetry window asked of both sides while gates are open; null: the project's
update rollout set tolerated_failures = coalesce((strategy ->> 'toleratedFailures')::integer, 0), seed = id::text;
update rollout ro set plan = (
  select jsonb_agg(jsonb_build_object('percent', percent::float8, 'limit',
    (select count(*) from deployment dp where dp.project_id = ro.project_id and dp.rollout_id = ro.id and dp.step < i),
    'soakSeconds', 0, 'approval', false) order by i)
  from jsonb_array_elements_text(ro.strategy -> 'steps') with ordinality as s (percent, i));
drop index rollout_open_idx;
create index rollout_open_idx on rollout (state)
  where state in ('awaiting-approval', 'running', 'paused', 'rolling-back');

-- ---------------------------------------------------------------- deployments

-- offered_at: first offer; told_at: last one. reached_at: first word of the device after an offer. away: it was not
-- connected at the last offer. zone: IANA name, as of the day it was taken in. back: it is told to run previous_digest.
alter table deployment
  add column zone text not null default 'UTC',
  add column not_before timestamptz,
  add column told_at timestamptz,
  add column reached_at timestamptz,
  add column away boolean not null default false,
  add column back boolean not null default false;
-- Of the last failure, how often it was retried for its class: {class: n}.
alter table deployment add column retries jsonb not null default '{}';
create index deployment_open_idx on deployment (project_id, device_id)
  where state in ('waiting', 'offered', 'fetching', 'verified', 'staged', 'trial', 'soak', 'returning');

-- An offer is good until then, unless its transfer has begun: the end of the device's maintenance window.
alter table desired_state add column offer_until timestamptz;

-- How many were offered when, for as long as a rate needs it: a minute.
create table rollout_offer (
  project_id uuid not null,
  rollout_id uuid not null,
  at timestamptz not null,
  devices integer not null,
  foreign key (project_id, rollout_id) references rollout (project_id, id) on delete cascade
);
create index rollout_offer_idx on rollout_offer (project_id, rollout_id, at);

create table rollout_decision (
  project_id uuid not null,
  rollout_id uuid not null,
  number integer not null,                   -- from 1 in the rollout
  at timestamptz not null,
  by text not null,                          -- engine, or an actor as in the audit log
  kind text not null,                        -- contracts RolloutDecision
  step integer not null,
  words text not null,
  evidence jsonb not null default '{}',
  primary key (project_id, rollout_id, number),
  foreign key (project_id, rollout_id) references rollout (project_id, id) on delete cascade
);

-- ---------------------------------------------------------------- projects and devices

create table rollout_settings (
  project_id uuid primary key references project (id) on delete cascade,
  approval boolean not null default false,
  bytes_per_second bigint                    -- of chunks to all devices together; null: no limit
);

create table update_rule (
  project_id uuid not null,
  device_id uuid not null,
  kind text not null,                        -- pin | hold | exclude
  release_id uuid,                           -- of a pin
  until timestamptz,                         -- of a hold; null: until the rule goes
  reason text not null default '',
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, device_id),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade,
  foreign key (project_id, release_id) references release (project_id, id) on delete cascade,
  check ((kind = 'pin') = (release_id is not null))
);

-- ---------------------------------------------------------------- the leader

-- Rises with each change of the lead. Every transaction of a leader reads its own number with a share lock: one that has
-- lost the lead cannot commit.
create table leader_term (
  name text primary key,
  term bigint not null
);

-- Seconds of [a, b] in which no device could reach us.
create function outage_seconds(a timestamptz, b timestamptz) returns double precision language sql stable as $$
  select coalesce(sum(extract(epoch from least(o.ended_at, b) - greatest(o.started_at, a))), 0)::double precision
  from outage o where o.ended_at > a and o.started_at < b
$$;
