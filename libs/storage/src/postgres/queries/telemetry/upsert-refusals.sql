-- Counts refused messages by device, day and code; the newest sample stays. Projects that are gone are skipped.
insert into ingest_refusal as x (project_id, device_id, day, code, count, last_at, sample)
select t.project_id, t.device_id, (now() at time zone 'UTC')::date, t.code, count(*), now(), (array_agg(t.sample))[1]
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[]) as t (project_id, device_id, code, sample)
join project p on p.id = t.project_id
group by 1, 2, 3, 4 order by 1, 2, 3, 4
on conflict (project_id, device_id, day, code) do update
  set count = x.count + excluded.count, last_at = excluded.last_at, sample = excluded.sample
