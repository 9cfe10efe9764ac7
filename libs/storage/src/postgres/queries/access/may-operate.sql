-- May who did something still do it: an operator of project $1 at least. $2 as the audit log names him: `person:EMAIL`,
-- `token:EMAIL/NAME`, or `token:NAME` of the instance. A token may do no more than its person, nor more than it was made for. Any other name is our own, such as `engine`.
with actor as (
  select coalesce(substring($2 from '^person:(.*)$'), substring($2 from '^token:([^@]*@[^/]*)/')) as email,
    coalesce(substring($2 from '^token:[^@]*@[^/]*/(.*)$'), substring($2 from '^token:(.*)$')) as token
)
select $2 !~ '^(person|token):' or exists (
  select from actor a
  left join person p on p.email = a.email and p.disabled_at is null
  left join member m on m.person_id = p.id and m.project_id = $1
  left join api_token t on t.name = a.token and t.person_id is not distinct from p.id
  where (a.email is null or p.instance_admin or m.role in ('operator', 'developer', 'admin'))
    and (a.token is null or t.role in ('operator', 'developer', 'admin') and not t.read_only
      and (t.expires_at is null or t.expires_at > now()) and (t.project_id is null or t.project_id = $1)
      and (t.areas is null or 'devices' = any (t.areas)))
) as allowed
