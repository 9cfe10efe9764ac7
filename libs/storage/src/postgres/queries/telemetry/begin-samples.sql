-- Samples whose first part is here, of projects that keep them and devices whose budget of the day has room for the whole. Two batches at
-- once may together go beyond it by one sample each.
-- Arrays: $1 projects, $2 devices, $3 ids, $4 boot ids, $5 inference indexes, $6 build prefixes, $7 asks, $8 bytes, $9 encodings,
-- $10 predicted, $11 confidences, $12 times
with given as (
  select distinct on (project_id, device_id, boot_id, inference_index) g.*
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bigint[], $8::int[], $9::smallint[],
      $10::smallint[], $11::smallint[], $12::timestamptz[]) with ordinality
    as g (project_id, device_id, id, boot_id, inference_index, build_prefix, ask, bytes, encoding, predicted, confidence, at, i)
  order by project_id, device_id, boot_id, inference_index, i
), fresh as (
  select g.*, s.bytes_per_device_day as budget
  from given g
  join sample_settings s on s.project_id = g.project_id and s.enabled
  join device d on d.project_id = g.project_id and d.id = g.device_id
  where not exists (select from sample x where x.project_id = g.project_id and x.device_id = g.device_id and x.boot_id = g.boot_id
    and x.inference_index = g.inference_index)
), charged as (
  select f.*, coalesce(y.bytes, 0) + sum(f.bytes) over (partition by f.project_id, f.device_id order by f.i) <= f.budget as fits
  from fresh f left join sample_day y on y.project_id = f.project_id and y.device_id = f.device_id
    and y.day = (now() at time zone 'UTC')::date
), begun as (
  insert into sample (project_id, id, device_id, boot_id, inference_index, build_prefix, ask, bytes, encoding, predicted, confidence,
    received_at)
  select project_id, id, device_id, boot_id, inference_index, build_prefix, ask, bytes, encoding, predicted, confidence, at
  from charged where fits order by project_id, device_id, boot_id, inference_index
  on conflict do nothing
  returning project_id, device_id, bytes
)
insert into sample_day as x (project_id, device_id, day, bytes, refused)
select project_id, device_id, (now() at time zone 'UTC')::date, sum(bytes), sum(refused)
from (
  select project_id, device_id, bytes, 0 as refused from begun
  union all select project_id, device_id, 0, 1 from charged where not fits
) as all_of
group by 1, 2 order by 1, 2
on conflict (project_id, device_id, day) do update set bytes = x.bytes + excluded.bytes, refused = x.refused + excluded.refused
