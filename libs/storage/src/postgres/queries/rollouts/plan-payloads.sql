-- Payloads worth computing for the devices of a rollout, or with $3 null for all devices that have a bundle of the release.
-- Compressed once per bundle and sector size (one for all up to 4,096 bytes), delta for the $4 most common bases of each. $1 project, $2 release, $3 rollout.
with reports as (
  select a.bundle_digest as target, r.active_digest, r.slots, r.fetch_slot, r.hello -> 'methods' as methods,
    greatest(4096, (r.hello ->> 'sectorBytes')::bigint) as block, (r.hello ->> 'capabilities')::bigint as capabilities
  from release_artifact a
  join release re on re.project_id = a.project_id and re.id = a.release_id
  join model_version v on v.project_id = re.project_id and v.id = re.model_version_id
  join model m on m.project_id = v.project_id and m.id = v.model_id and m.component = 'model' -- firmware comes as it is
  join device d on d.project_id = a.project_id and d.type_id = a.type_id and d.state not in ('suspended', 'retired')
  join device_report r on r.project_id = d.project_id and r.device_id = d.id
  where a.project_id = $1 and a.release_id = $2 and r.active_digest is distinct from a.bundle_digest
    and ($3::uuid is null or exists (select from deployment dp
      where dp.project_id = $1 and dp.rollout_id = $3 and dp.device_id = d.id and dp.state <> 'incompatible'))
), wanted as (
  select target, ''::bytea as base, 'compressed' as method, block, count(*) as devices
  from reports where methods ? 'compressed' group by target, block
  union all
  select r.target, t.base, 'delta', r.block, count(*)
  from reports r cross join lateral transfer_bases(r.active_digest, r.slots, r.fetch_slot, r.capabilities) as t (base)
  join blob b on b.project_id = $1 and b.digest = t.base
  where r.methods ? 'delta' and t.base <> r.target group by r.target, t.base, r.block
), ranked as (
  select *, row_number() over (partition by target, method, block order by devices desc, base) as rank from wanted
)
insert into transfer_payload (project_id, target_digest, base_digest, method, block_bytes, state)
select $1, target, base, method, block, 'queued' from ranked where method = 'compressed' or rank <= $4 order by target, base, method, block
-- One whose job was lost with its retries is planned anew.
on conflict (project_id, target_digest, base_digest, method, block_bytes) do update set created_at = now()
  where transfer_payload.state = 'queued' and transfer_payload.created_at < now() - interval '1 day'
returning encode(target_digest, 'hex') as target, encode(base_digest, 'hex') as base, method, block_bytes::float8 as "blockBytes"
