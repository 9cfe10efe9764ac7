-- What devices are told. Arrays: project, device, credential it connected with; answers carry their position. No bundle without a manifest for the
-- device's type by a key that the device trusts, or after the manifest's not-after. Of several keys the newest counts. A device
-- that does not say which keys it trusts has the one it was made with. One that can verify a MAC and nothing else trusts no
-- signature: the edge puts a MAC in its place, for which it gets the newest manifest, the key that signed it and that of the credential.
-- What a next key has signed waits for its activation, and nothing counts of a key that was withdrawn or revoked.
-- The way back is open from a release that was revoked or has run out, and no offer is good after the device's maintenance window
-- unless its transfer has begun. An offer that nobody has begun has the rate of its rollout; the way back has none. Firmware comes before the model that is released with it, and goes
-- back behind it. The payload: see docs/design/transfer.md.
select q.i::int as position, q.device_id as "deviceId", coalesce(ds.revision, 0)::float8 as revision,
  coalesce(ds.deployment_number, 0)::float8 as deployment, rate.bytes_per_second::float8 as "bytesPerSecond", gated.window_s as "windowS",
  ds.shadow_every as "shadowEvery", by.id as "rateOf", (by.strategy ->> 'devicesPerMinute')::int as "devicesPerMinute",
  m.manifest, m.digest, b.bytes::float8 as bytes, ds.transfer_digest as "begunDigest",
  p.method as "payloadMethod", p.base_digest as "baseDigest", p.payload_digest as "payloadDigest",
  p.bytes::float8 as "payloadBytes", hmac.only as "hmacOnly", own.sealed_key as "sealedKey",
  m.signed_by as "signedBy"
from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as q (project_id, device_id, credential_id, i)
join device d on d.project_id = q.project_id and d.id = q.device_id
left join desired_state ds on ds.project_id = q.project_id and ds.device_id = q.device_id
left join rollout_settings rate on rate.project_id = q.project_id
left join lateral (
  select min(ro.window_s) as window_s from deployment dp join rollout ro on ro.project_id = dp.project_id and ro.id = dp.rollout_id
  where dp.project_id = q.project_id and dp.device_id = q.device_id and ro.state = 'running' and ro.window_s is not null and dp.state not in ('incompatible', 'aborted')
) as gated on true
left join release r on r.project_id = ds.project_id and r.id = ds.release_id
  and (r.state in ('approved', 'deprecated') and (r.not_after is null or r.not_after > now()) or ds.fallback)
  and (ds.offer_until is null or ds.offer_until > now() or ds.transfer_digest is not null)
left join release_artifact a on a.project_id = r.project_id and a.release_id = r.id and a.type_id = d.type_id
left join deployment dp on dp.project_id = ds.project_id and dp.number = ds.deployment_number
left join rollout by on by.project_id = dp.project_id and by.id = dp.rollout_id and dp.state = 'offered' and by.strategy ? 'devicesPerMinute'
left join release_firmware rf on dp.component = 'firmware' and rf.project_id = a.project_id
  and rf.release_id = a.release_id and rf.type_id = a.type_id
left join device_report rep on rep.project_id = d.project_id and rep.device_id = d.id
cross join lateral (
  select rep.hello ->> 'currentKey' is null and coalesce(rep.hello -> 'algorithms' <@ '["hmac-sha256"]', false) as only
) as hmac
left join device_credential own on hmac.only and own.project_id = q.project_id and own.device_id = q.device_id
  and own.id = q.credential_id
left join lateral (
  select sk.public_key as signed_by,
    case when rf.digest is null then case when ds.fallback then k.fallback_manifest else k.manifest end
      when ds.fallback then k.firmware_fallback_manifest else k.firmware_manifest end as manifest,
    case when rf.digest is null then case when ds.fallback then a.fallback_digest else a.bundle_digest end
      when ds.fallback then rf.fallback_digest else rf.digest end as digest
  from (
    select r.key_id, a.manifest, a.fallback_manifest, rf.manifest as firmware_manifest,
      rf.fallback_manifest as firmware_fallback_manifest
    union all
    select rm.key_id, rm.manifest, rm.fallback_manifest, rm.firmware_manifest, rm.firmware_fallback_manifest
    from release_manifest rm
    where rm.project_id = a.project_id and rm.release_id = a.release_id and rm.type_id = a.type_id
  ) as k
  left join signing_key sk on sk.project_id = a.project_id and sk.id = k.key_id
  where sk.id is null or sk.state in ('active', 'retired') and (rep.hello ->> 'currentKey' is null
    or encode(substring(sha256(sk.public_key) for 8), 'hex') in (rep.hello ->> 'currentKey', rep.hello ->> 'nextKey'))
  order by case when rep.hello ->> 'currentKey' is null and not hmac.only then -sk.key_sequence else sk.key_sequence end desc limit 1
) as m on a.release_id is not null
left join blob b on b.project_id = ds.project_id and b.digest = m.digest
left join lateral (
  select tp.method, tp.base_digest, tp.payload_digest, tp.bytes
  from transfer_payload tp
  where tp.project_id = d.project_id and tp.target_digest = m.digest and tp.state = 'ready' and not ds.full_only
    and rep.active_digest is distinct from m.digest
    and tp.block_bytes = greatest(4096, (rep.hello ->> 'sectorBytes')::bigint) and rep.hello -> 'methods' ? tp.method
    and (tp.base_digest = '' or tp.base_digest in (select transfer_bases(
      rep.active_digest, rep.slots, rep.fetch_slot, (rep.hello ->> 'capabilities')::bigint)))
    and (ds.transfer_digest is null or ds.transfer_digest = tp.payload_digest)
  order by tp.bytes limit 1
) as p on m.manifest is not null
