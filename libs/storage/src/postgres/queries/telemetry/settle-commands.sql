-- What became of commands, by the last hellos of devices. Arrays: project, device, first question of a connection. A refusal
-- is told by the count of refused commands (hello.counters 10), an acceptance by the counter (hello.ask-counter), or, of
-- commands that keep no counter, by the hello itself that was asked for behind it. What went out on a connection that is
-- gone and was not taken goes out again. So does what is kept and the device does not have: once a connection, so that one that
-- cannot hold it is not asked for ever, and after a refusal not before the next boot.
with fates as (
  select c.project_id, c.id, case
      when c.state = 'sent' and c.sent_boot_id = r.boot_id
        and coalesce((r.hello -> 'counters' ->> '10')::bigint, 0) > c.sent_refused then 'refused'
      when m.missing and c.state in ('taken', 'refused', 'expired') then 'queued'
      when m.missing and c.state = 'queued' and c.expires_at <= now() then 'queued'
      when c.state = 'sent' and (r.hello ->> 'askCounter')::bigint >= c.counter
        then case when m.missing then 'queued' else 'taken' end
      when c.state = 'sent' and not q.is_new and r.hello_at > c.sent_at and c.command in ('say-hello', 'set-cadence', 'abort')
        then 'taken'
      when c.state in ('queued', 'sent') and c.expires_at <= now() then 'expired'
      when c.state = 'sent' and q.is_new then 'queued'
    end as state
  from unnest($1::uuid[], $2::uuid[], $3::boolean[]) as q (project_id, device_id, is_new)
  join device_command c on c.project_id = q.project_id and c.device_id = q.device_id
    and (c.state in ('queued', 'sent') or (c.kept and q.is_new))
  join device_report r on r.project_id = q.project_id and r.device_id = q.device_id
  cross join lateral (select q.is_new and c.kept and r.hello -> 'settings' is not null
    and coalesce((r.hello -> 'settings'
      ->> case c.command when 'set-cadence' then '4' when 'set-edges' then '5' else '11' end)::bigint, 0) <> c.mark
    and (c.build is null or c.build = substring(r.active_digest for 8))
    and (c.state <> 'refused' or c.sent_boot_id <> r.boot_id)
    and (c.command <> 'capture' or c.mark = 0
      or exists (select from sample_settings s where s.project_id = c.project_id and s.enabled)) as missing) as m
)
update device_command c set state = f.state, finished_at = case when f.state <> 'queued' then now() end,
  expires_at = case when f.state = 'queued' and c.kept then greatest(c.expires_at, now() + interval '1 day') else c.expires_at end
from fates f join device_command old on old.project_id = f.project_id and old.id = f.id
join device d on d.project_id = old.project_id and d.id = old.device_id
where c.project_id = f.project_id and c.id = f.id and (f.state <> c.state or (f.state = 'queued' and c.expires_at <= now()))
returning c.project_id as "projectId", d.name as device, c.id, c.command, c.state
