-- Sums that the quality pages read: by spans of 1, 6 and 24 hours in UTC, so that no range takes more than a few hundred rows a
-- version, and of what a page shows alone: all devices, one type, one site. rollup_hour keeps how these combine.

-- They are made of what is there, so an older process, which does not add to them, may add to nothing in between.
lock table rollup_hour, rollup_device_day, accuracy_hour in share mode;

create function class_totals(classes bigint[], bins integer) returns bigint[] language sql immutable parallel safe as $$
  select coalesce(array_agg(n order by class), '{}')
  from (select (i - 1) / bins as class, sum(cell)::bigint as n from unnest(classes) with ordinality as t (cell, i) group by 1) as by_class
$$;

-- Folded in the transaction that folds rollup_hour, each batch once.
create table rollup_span (
  project_id uuid not null references project (id) on delete cascade,
  part text not null,                        -- all | type | site
  member text not null,                      -- of the part: '', an id, a name ('' = none)
  span_h smallint not null,                  -- 1 | 6 | 24
  at timestamptz not null,                   -- its start; a multiple of the span since 1970
  model_version_id uuid not null,
  schema_crc bigint not null,
  confidence_bins smallint not null,
  windows bigint not null,
  n bigint not null,
  class_counts bigint[] not null generated always as (class_totals(classes, confidence_bins)) stored,
  classes bigint[] not null,                 -- the sums as in rollup_hour
  ood bigint[],
  feature_counts bigint[],
  feature_sums bigint[],
  feature_min bigint[],
  feature_max bigint[],
  counters bigint[] not null,
  cycles_sum numeric not null default 0,
  cycles_max bigint not null default 0,
  primary key (project_id, part, span_h, at, model_version_id, member, schema_crc, confidence_bins)
) with (fillfactor = 70);

-- Of feature sums, which come from devices: a day of them may exceed int8 where no hour does.
create function array_sum_bounded(a bigint[], b bigint[]) returns bigint[] language sql immutable parallel safe as $$
  select case when a is null then b when b is null then a else
    (select array_agg(greatest(-bound, least(bound, coalesce(x, 0))) + greatest(-bound, least(bound, coalesce(y, 0))) order by i)
     from unnest(a, b) with ordinality as t (x, y, i), (select 4611686018427387903) as b (bound)) end
$$;
create aggregate array_total_bounded(bigint[]) (sfunc = array_sum_bounded, stype = bigint[]);
create aggregate array_total(bigint[]) (sfunc = array_sum, stype = bigint[]);
create aggregate array_lowest(bigint[]) (sfunc = array_least, stype = bigint[]);
create aggregate array_highest(bigint[]) (sfunc = array_greatest, stype = bigint[]);
insert into rollup_span (project_id, part, member, span_h, at, model_version_id, schema_crc, confidence_bins, windows, n, classes, ood,
  feature_counts, feature_sums, feature_min, feature_max, counters, cycles_sum, cycles_max)
select r.project_id, p.part, p.member, s.hours, date_bin(make_interval(hours => s.hours), r.hour, to_timestamp(0)), r.model_version_id,
  r.schema_crc, r.confidence_bins, sum(r.windows), sum(r.n), array_total(r.classes), array_total(r.ood), array_total(r.feature_counts),
  array_total_bounded(r.feature_sums), array_lowest(r.feature_min), array_highest(r.feature_max), array_total(r.counters), sum(r.cycles_sum),
  max(r.cycles_max)
from rollup_hour r
cross join (values (1), (6), (24)) as s (hours)
cross join lateral (values ('all', ''), ('type', r.type_id::text), ('site', r.site)) as p (part, member)
group by 1, 2, 3, 4, 5, 6, 7, 8;
drop aggregate array_total_bounded(bigint[]);
drop function array_sum_bounded(bigint[], bigint[]);
drop aggregate array_total(bigint[]);
drop aggregate array_lowest(bigint[]);
drop aggregate array_highest(bigint[]);

-- Devices that sent windows of a version on a day (UTC). A device that is deleted later still did.
create table device_count_day (
  project_id uuid not null references project (id) on delete cascade,
  day date not null,
  model_version_id uuid not null,
  devices bigint not null,
  primary key (project_id, day, model_version_id)
) with (fillfactor = 70);
insert into device_count_day
select project_id, day, model_version_id, count(distinct device_id) from rollup_device_day
where exists (select from project p where p.id = project_id)
group by 1, 2, 3;

-- The same spans of accuracy_hour. Labels that were asked for are counted apart and are in none of the other sums.
create table accuracy_span (
  project_id uuid not null references project (id) on delete cascade,
  span_h smallint not null,
  at timestamptz not null,
  model_version_id uuid not null,
  labels bigint not null,
  correct bigint not null,
  asked bigint not null,
  primary key (project_id, span_h, at, model_version_id)
) with (fillfactor = 70);
create table accuracy_cell (
  project_id uuid not null references project (id) on delete cascade,
  span_h smallint not null,
  at timestamptz not null,
  model_version_id uuid not null,
  predicted smallint not null,
  confidence_bin smallint not null,          -- confidence / 16, 0..15
  n bigint not null,
  correct bigint not null,
  primary key (project_id, span_h, at, model_version_id, predicted, confidence_bin)
) with (fillfactor = 70);
create table confusion_day (
  project_id uuid not null references project (id) on delete cascade,
  model_version_id uuid not null,
  day timestamptz not null,                  -- its start in UTC
  label smallint not null,
  predicted smallint not null,
  n bigint not null,
  primary key (project_id, model_version_id, day, label, predicted)
) with (fillfactor = 70);

-- Adds to them what is being added to accuracy_hour. Who writes that table calls it in the same statement, once for all rows: the
-- order of keys is the order of locks.
create function count_labelled(added accuracy_hour[]) returns void language plpgsql strict as $$
begin
  insert into accuracy_span as x
  select a.project_id, s.hours, date_bin(make_interval(hours => s.hours), a.hour, to_timestamp(0)), a.model_version_id,
    coalesce(sum(a.n) filter (where a.by_chance), 0), coalesce(sum(a.n) filter (where a.by_chance and a.label = a.predicted), 0),
    coalesce(sum(a.n) filter (where not a.by_chance), 0)
  from unnest(added) a cross join (values (1), (6), (24)) as s (hours)
  group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (project_id, span_h, at, model_version_id) do update
    set labels = x.labels + excluded.labels, correct = x.correct + excluded.correct, asked = x.asked + excluded.asked;
  insert into accuracy_cell as x
  select a.project_id, s.hours, date_bin(make_interval(hours => s.hours), a.hour, to_timestamp(0)), a.model_version_id,
    a.predicted, a.confidence_bin, sum(a.n), coalesce(sum(a.n) filter (where a.label = a.predicted), 0)
  from unnest(added) a cross join (values (1), (6), (24)) as s (hours)
  where a.by_chance
  group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
  on conflict (project_id, span_h, at, model_version_id, predicted, confidence_bin) do update
    set n = x.n + excluded.n, correct = x.correct + excluded.correct;
  insert into confusion_day as x
  select a.project_id, a.model_version_id, date_trunc('day', a.hour, 'UTC'), a.label, a.predicted, sum(a.n)
  from unnest(added) a where a.by_chance
  group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  on conflict (project_id, model_version_id, day, label, predicted) do update set n = x.n + excluded.n;
end $$;
select count_labelled(array_agg(a)) from accuracy_hour a group by project_id, model_version_id, hour;
