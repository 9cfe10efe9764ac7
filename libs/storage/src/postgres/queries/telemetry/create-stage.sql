-- Per connection, emptied by every commit. Columns of telemetry_window but the batch, which is given on insert.
create temp table if not exists telemetry_stage (like telemetry_window) on commit delete rows;
alter table telemetry_stage alter column batch_id drop not null
