-- Oldest batches that are not folded yet, for one folder at a time each. Of one of the last second who stored it may not have told yet.
select id::text, rows, window_min as "windowMin", window_max as "windowMax", created_at < now() - interval '1 second' as "isTold"
from telemetry_batch where folded_at is null order by id for update skip locked limit $1
