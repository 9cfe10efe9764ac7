-- The edge is alive. When it was not for longer than $1 seconds, that was an outage of ours, with reason $2.
with before as (select alive_at from edge_pulse),
  missed as (
    insert into outage (started_at, ended_at, reason)
    select alive_at, now(), $2 from before where alive_at < now() - make_interval(secs => $1)
    returning number)
insert into edge_pulse as p (alive_at, announced_to) values (now(), now())
on conflict (only_row) do update set alive_at = excluded.alive_at
returning (select count(*)::int from missed) as outages
