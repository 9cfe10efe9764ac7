-- Contacts of a batch: who is connected, how long each is usually away, and by when it is expected again.
-- $1 projects, $2 devices, $3 connected, $4 begin of the contact when it began in this batch, $5 last heard,
-- $6 duty cycle in s (0 = none, null = as before), $7 wait in s while no gap is known,
-- $8 {minWaitS, gapFactor, dutyFactor, slackFactor, slackS, gapWeight, maxGapS, lostFactor, lostMinS}. Materialized: written into
-- one another the steps would look for outages 28 times a device.
with policy as materialized (
  select * from jsonb_to_record($8::jsonb) as p ("minWaitS" float8, "gapFactor" float8, "dutyFactor" float8,
    "slackFactor" float8, "slackS" float8, "gapWeight" float8, "maxGapS" float8, "lostFactor" float8, "lostMinS" float8)
), contact as (
  select t.*, p.*, x.last_seen_at as before, x.connected as was_connected, x.usual_gap_s as usual,
    nullif(coalesce(t.duty_cycle_s, x.duty_cycle_s), 0) as cycle_s
  from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::timestamptz[], $5::timestamptz[], $6::integer[], $7::float8[])
    as t (project_id, device_id, connected, began_at, last_seen_at, duty_cycle_s, default_wait_s)
  cross join policy p
  cross join lateral (select from device d where d.project_id = t.project_id and d.id = t.device_id limit 1) d
  left join lateral (select * from presence x where x.project_id = t.project_id and x.device_id = t.device_id limit 1) x on true
), measured as materialized (
  select c.*, case when c.began_at > c.before and not c.was_connected then
    least("maxGapS", extract(epoch from c.began_at - c.before) - coalesce((
      select sum(extract(epoch from least(o.ended_at, c.began_at) - greatest(o.started_at, c.before)))
      from outage o where o.ended_at > c.before and o.started_at < c.began_at), 0)) end as gap_s
  from contact c
), learned as materialized (
  select m.*, case
    when m.gap_s is null or m.gap_s < 1 then m.usual
    when m.usual is null then m.gap_s
    else m.usual + "gapWeight" * (m.gap_s - m.usual) end as gap_mean_s
  from measured m
), expected as materialized (
  select l.*, (1 + "slackFactor") * case
    when l.cycle_s is not null then "dutyFactor" * l.cycle_s
    when l.gap_mean_s is null then l.default_wait_s
    else greatest("minWaitS", "gapFactor" * l.gap_mean_s)
    end + "slackS" as wait_s
  from learned l
)
insert into presence as x
  (project_id, device_id, connected, last_seen_at, next_contact_by, duty_cycle_s, usual_gap_s, lost_at, outage)
select e.project_id, e.device_id, e.connected, e.last_seen_at, e.last_seen_at + make_interval(secs => e.wait_s), e.cycle_s,
  e.gap_mean_s,
  e.last_seen_at + make_interval(secs => e.wait_s + greatest("lostMinS", "lostFactor" * e.wait_s)),
  (select coalesce(max(number), 0) from outage)
from expected e
order by e.project_id, e.device_id
on conflict (project_id, device_id) do update set connected = excluded.connected,
  last_seen_at = greatest(x.last_seen_at, excluded.last_seen_at), next_contact_by = excluded.next_contact_by,
  duty_cycle_s = excluded.duty_cycle_s, usual_gap_s = excluded.usual_gap_s, lost_at = excluded.lost_at,
  outage = excluded.outage
