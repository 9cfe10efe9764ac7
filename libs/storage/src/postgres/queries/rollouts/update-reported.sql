-- Takes over what devices said; $1 one JSON document per deployment.
update deployment dp set
  state = t.state,
  component = t.component,
  offset_bytes = coalesce(t."offset", dp.offset_bytes),
  error_code = case when t.state in ('failed', 'reverted', 'incompatible') then coalesce(t.error, dp.error_code) when t.state in ('active', 'returned') then null else dp.error_code end,
  detail = coalesce(t.detail, dp.detail),
  self_test = coalesce(t."selfTest", dp.self_test),
  reason = coalesce(t.reason, case when t.state = dp.state then dp.reason else '' end),
  reached_at = coalesce(dp.reached_at, now()),
  updated_at = now(),
  finished_at = case when t.state in ('active', 'reverted', 'failed', 'aborted', 'returned', 'incompatible') then coalesce(dp.finished_at, now()) end
from jsonb_to_recordset($1::jsonb) as t ("projectId" uuid, "rolloutId" uuid, "deviceId" uuid, state text, component text, "offset" bigint, error int, detail bigint, "selfTest" jsonb, reason text)
where dp.project_id = t."projectId" and dp.rollout_id = t."rolloutId" and dp.device_id = t."deviceId"
