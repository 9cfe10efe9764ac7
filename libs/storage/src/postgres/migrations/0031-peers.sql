-- Devices that no watch knows yet are compared with each other (docs/design/quality.md): how often each was, by model and schema.

create table quality_peers (
  project_id uuid not null,
  id uuid not null,                          -- watch_id of its alerts
  model_id uuid not null,
  schema_crc bigint not null,
  confidence_bins smallint not null,
  class_count smallint not null,
  looks jsonb not null default '{}',         -- by device id
  primary key (project_id, model_id, schema_crc, confidence_bins, class_count),
  constraint quality_peers_model_fkey foreign key (project_id, model_id) references model (project_id, id) on delete cascade
);
