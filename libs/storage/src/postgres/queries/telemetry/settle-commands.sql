-- What became of commands, by the last hellos of devices. Arrays: project, device, first question of a connection. A refusal
-- is told by the count of refused commands (hello.counters 10), an acceptance by the counter (hello.ask-counter), or, of
-- commands that keep no counter, by the hello itself that was asked for behind it. What went out on a connection that is
-- gone and was not taken goes out again.
with fates as (
  select c.project_id, c.id, case
      when c.state = 'sent' and c.sent_boot_id = r.boot_id
        and coalesce((r.hello -> 'counters' ->> '10')::bigint, 0) > c.sent_refused then 'refused'
      when c.state = 'sent' and (r.hello ->> 'askCounter')::bigint >= c.counter then 'taken'
      when c.state = 'sent' and not q.is_new and r.hello_at > c.sent_at and c.command in ('say-hello', 'set-cadence', 'abort')
        then 'taken'
      when c.expires_at <= now() then 'expired'
      when c.state = 'sent' and q.is_new then 'queued'
    end as state
  from unnest($1::uuid[], $2::uuid[], $3::boolean[]) as q (project_id, device_id, is_new)
  join device_command c on c.project_id = q.project_id and c.device_id = q.device_id and c.state in ('queued', 'sent')
  join device_report r on r.project_id = q.project_id and r.device_id = q.device_id
)
update device_command c set state = f.state, finished_at = case when f.state <> 'queued' then now() end
from fates f join device_command old on old.project_id = f.project_id and old.id = f.id
join device d on d.project_id = old.project_id and d.id = old.device_id
where c.project_id = f.project_id and c.id = f.id and f.state <> c.state
returning c.project_id as "projectId", d.name as device, c.id, c.command, c.state
