-- Shadows and A/B comparisons (docs/design/rollouts.md).

-- kind: update | shadow | ab. Shadows have a priority below zero: every update goes first.
alter table rollout add column kind text not null default 'update';

-- arm: of an A/B comparison, a | b; its release_id is that of the arm.
alter table deployment add column arm text;

-- With 'shadow', which is over when somebody wants the device for something else.
drop index deployment_open_idx;
create index deployment_open_idx on deployment (project_id, device_id)
  where state in ('waiting', 'offered', 'fetching', 'verified', 'staged', 'shadow', 'trial', 'soak', 'returning');

-- What is desired runs as shadow on every n-th inference and replaces nothing; null: it is to be installed.
alter table desired_state add column shadow_every integer;

-- What shadow runs of a device came to. A device counts from its last start: `before` are the sums of all starts but the last.
-- disagreed: classes x classes, class of the active model first; null: the device had no room for it, or nothing to tell.
create table shadow_count (
  project_id uuid not null,
  rollout_id uuid not null,
  device_id uuid not null,
  boot_id bigint not null,                   -- uint64 as two's complement, of the last report
  sequence bigint not null,
  reported_at timestamptz not null default now(),
  before_runs bigint not null default 0,
  before_agreed bigint not null default 0,
  before_skipped bigint not null default 0,
  before_disagreed bigint[],
  runs bigint not null,
  agreed bigint not null,
  skipped bigint not null,
  disagreed bigint[],
  primary key (project_id, rollout_id, device_id),
  foreign key (project_id, rollout_id, device_id) references deployment (project_id, rollout_id, device_id) on delete cascade
);
