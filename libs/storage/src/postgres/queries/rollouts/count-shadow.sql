-- Shadow runs of devices as they are by now; $1 one JSON document per device.
insert into shadow_count (project_id, rollout_id, device_id, runs, agreed, skipped, disagreed, boots)
select t."projectId", t."rolloutId", t."deviceId", t.runs, t.agreed, t.skipped, t.disagreed, t.boots
from jsonb_to_recordset($1::jsonb) as t ("projectId" uuid, "rolloutId" uuid, "deviceId" uuid, runs bigint, agreed bigint,
  skipped bigint, disagreed bigint[], boots jsonb)
order by t."projectId", t."rolloutId", t."deviceId"
on conflict (project_id, rollout_id, device_id) do update set runs = excluded.runs, agreed = excluded.agreed,
  skipped = excluded.skipped, disagreed = excluded.disagreed, boots = excluded.boots, reported_at = now()
