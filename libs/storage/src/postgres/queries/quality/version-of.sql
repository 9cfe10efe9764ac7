-- A version's classes, and the version that its windows are kept under: a window names a bundle, and a bundle is named after the version
-- that was built first. Another one when all bundles of both are the very same, else this one. $1 project, $2 release
select v.labels, coalesce(k.release, $2) as "keptAs"
from model_version v
join model m on m.project_id = v.project_id and m.id = v.model_id
left join lateral (
  select fm.name || '@' || f.version as release
  from build b
  join bundle_name n on n.project_id = b.project_id and n.prefix = substring(b.bundle_digest for 8)
  join model_version f on f.project_id = n.project_id and f.id = n.model_version_id
  join model fm on fm.project_id = f.project_id and fm.id = f.model_id
  where b.project_id = v.project_id and b.model_version_id = v.id and f.id <> v.id
    and not exists (select from bundle_name o where o.project_id = v.project_id and o.model_version_id = v.id)
    and not exists (
      select from bundle_name o where o.project_id = v.project_id and o.model_version_id = f.id and not exists (
        select from build c where c.project_id = v.project_id and c.model_version_id = v.id and c.bundle_digest = o.digest))
    and not exists (
      select from build c join bundle_name o on o.project_id = c.project_id and o.prefix = substring(c.bundle_digest for 8)
      where c.project_id = v.project_id and c.model_version_id = v.id and o.model_version_id <> f.id)
  limit 1
) k on true
where v.project_id = $1 and m.name || '@' || v.version = $2
