-- Puts samples together whose parts follow each other from the first byte to the last.
-- Arrays: $1 projects, $2 devices, $3 boot ids, $4 inference indexes
with touched as (
  select distinct s.project_id, s.id, s.bytes
  from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) as g (project_id, device_id, boot_id, inference_index)
  join sample s on s.project_id = g.project_id and s.device_id = g.device_id and s.boot_id = g.boot_id
    and s.inference_index = g.inference_index
  where s.data is null
), parts as (
  select t.project_id, t.id, t.bytes, p.at_byte, p.data,
    p.at_byte = coalesce(lag(p.at_byte + octet_length(p.data)) over (partition by t.project_id, t.id order by p.at_byte), 0) as follows
  from touched t join sample_part p on p.project_id = t.project_id and p.sample_id = t.id
), done as (
  update sample s set data = w.data
  from (
    select project_id, id, string_agg(data, ''::bytea order by at_byte) as data
    from parts group by project_id, id, bytes having bool_and(follows) and sum(octet_length(data)) = bytes
  ) as w
  where s.project_id = w.project_id and s.id = w.id
  returning s.project_id, s.id
)
delete from sample_part p using done where p.project_id = done.project_id and p.sample_id = done.id
