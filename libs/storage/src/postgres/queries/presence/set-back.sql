-- The clock went back by $1 seconds: what lies in the future by now happened before, and is as long ago as it was. A device that
-- was heard of longer ago keeps its time, so that it is expected later than it was, never sooner. An outage that has not ended
-- yet was the clock's jump forward: it ends now, and those whose clocks stood still for it are given back the rest.
with cut as (
  update outage o set ended_at = now() from (select number, ended_at from outage where started_at <= now() and ended_at > now()) as before
  where o.number = before.number returning o.number, o.started_at, before.ended_at - now() as length
), moved as (
  update outage set started_at = started_at - make_interval(secs => $1), ended_at = ended_at - make_interval(secs => $1)
  where started_at > now()
), noted as (
  update edge_pulse set set_back_at = now()
), wrong as (
  select x.project_id, x.device_id, case when x.last_seen_at > now() + interval '10 seconds' then make_interval(secs => $1)
    else (select sum(c.length) from cut c where x.outage >= c.number and x.last_seen_at <= c.started_at) end as by
  from presence x
  where x.last_seen_at > now() + interval '10 seconds' or exists (select from cut)
)
update presence x set last_seen_at = set_back(x.last_seen_at, $1), next_contact_by = x.next_contact_by - w.by, lost_at = x.lost_at - w.by
from wrong w
where x.project_id = w.project_id and x.device_id = w.device_id and w.by is not null
