-- Parts of samples that were begun; one that is there already changes nothing. All parts together are never more than the whole, which
-- was charged: parts that overlap would else take any room.
-- Arrays: $1 projects, $2 devices, $3 boot ids, $4 inference indexes, $5 offsets, $6 data
with given as (
  select distinct on (s.project_id, s.id, g.at_byte) s.project_id, s.id, s.bytes, g.at_byte, g.data
  from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::int[], $6::bytea[])
    as g (project_id, device_id, boot_id, inference_index, at_byte, data)
  join sample s on s.project_id = g.project_id and s.device_id = g.device_id and s.boot_id = g.boot_id
    and s.inference_index = g.inference_index
  where s.data is null and g.at_byte + octet_length(g.data) <= s.bytes and not exists (
    select from sample_part p where p.project_id = s.project_id and p.sample_id = s.id and p.at_byte = g.at_byte)
  order by s.project_id, s.id, g.at_byte
), stored as (
  select p.project_id, p.sample_id, sum(octet_length(p.data)) as bytes
  from (select distinct project_id, id from given) as g join sample_part p on p.project_id = g.project_id and p.sample_id = g.id
  group by p.project_id, p.sample_id
), charged as (
  select g.*, coalesce(s.bytes, 0) + sum(octet_length(g.data)) over (partition by g.project_id, g.id order by g.at_byte) as used
  from given g left join stored s on s.project_id = g.project_id and s.sample_id = g.id
)
insert into sample_part (project_id, sample_id, at_byte, data)
select project_id, id, at_byte, data from charged where used <= bytes order by project_id, id, at_byte
on conflict do nothing
