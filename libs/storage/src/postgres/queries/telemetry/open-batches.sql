-- Oldest batches that are not folded yet, for one folder at a time each.
select id::text, rows, window_min as "windowMin", window_max as "windowMax"
from telemetry_batch where folded_at is null order by id for update skip locked limit $1
