-- $1 the only address or null, $2 text in address or name or null, $3 address to go on after or null, $4 rows
select p.email, p.name, p.instance_admin, p.created_at, p.last_login_at, p.disabled_at, p.email_proven_at,
  p.password_hash is not null as has_password,
  array(select i.issuer from person_identity i where i.person_id = p.id order by i.issuer) as providers,
  coalesce((select json_agg(json_build_object('name', pr.name, 'role', m.role) order by pr.name)
    from member m join project pr on pr.id = m.project_id where m.person_id = p.id), '[]') as projects
from person p
where ($1::text is null or p.email = $1)
  and ($2::text is null or strpos(p.email, lower($2)) > 0 or strpos(lower(p.name), lower($2)) > 0)
  and ($3::text is null or p.email > $3)
order by p.email
limit $4
