-- Concurrently: each statement by itself, outside a transaction. What an attempt that was cut off has left is dropped first.
-- What pages list, in the order in which they list it.
drop index concurrently if exists device_report_gaps_idx;
create index concurrently device_report_gaps_idx on device_report (project_id, name) where gaps > 0;
drop index concurrently if exists label_task_skipped_idx;
create index concurrently label_task_skipped_idx on label_task (project_id) where state = 'skipped';
drop index concurrently if exists ingest_refusal_day_idx;
create index concurrently ingest_refusal_day_idx on ingest_refusal (project_id, day desc, device_id, code);
