-- The edge is alive. When it was not for longer than $1 seconds, that was an outage of ours, with reason $2; so is a clock that
-- jumps forward. $3 seconds without a pulse count as one that goes on. Answers how many outages, and by how many seconds the clock
-- went back since the last pulse.
with before as (select alive_at from edge_pulse),
  missed as (
    insert into outage (started_at, ended_at, reason)
    select alive_at, now(), $2 from before where alive_at < now() - make_interval(secs => $1)
    returning number)
insert into edge_pulse as p (alive_at, announced_to, outage_s) values (now(), now(), $3)
on conflict (only_row) do update set alive_at = excluded.alive_at, outage_s = excluded.outage_s,
  announced_to = least(p.announced_to, excluded.alive_at)
returning (select count(*)::int from missed) as outages,
  coalesce((select extract(epoch from alive_at - now()) from before), 0)::float8 as "backS"
