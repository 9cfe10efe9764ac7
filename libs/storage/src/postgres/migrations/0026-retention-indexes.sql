-- Concurrently: each statement by itself, outside a transaction. What an attempt that was cut off has left is dropped first.
-- Retention finds what is old by these (queries/retention).
drop index concurrently if exists boot_clock_created_idx;
create index concurrently boot_clock_created_idx on boot_clock (project_id, created_at);
drop index concurrently if exists label_task_created_idx;
create index concurrently label_task_created_idx on label_task (project_id, created_at);
