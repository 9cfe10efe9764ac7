-- What the engine has to do with, over all projects: what runs or goes back, and what stands still with a release that was revoked.
select p.id as "projectId", p.name as project, ro.number::int as number,
  ro.state = 'running' and coalesce(ro.plan -> ro.step ? 'gates', false) as "isGated"
from rollout ro join project p on p.id = ro.project_id
where ro.state in ('running', 'rolling-back') or ro.state in ('awaiting-approval', 'paused') and exists (
  select from release r
  join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
  join model m on m.project_id = v.project_id and m.id = v.model_id
  where r.project_id = ro.project_id and r.state = 'revoked'
    and (r.id = ro.release_id or m.name || '@' || v.version = ro.strategy -> 'ab' ->> 'against'))
order by p.id, ro.priority desc, ro.number desc
