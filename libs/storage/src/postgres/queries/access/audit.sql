-- The newest entries before a place, of at most $9 that the indexed conditions leave; the text is looked for in those.
-- $1 project or null (all, with the instance's own), $2 actor, $3 action, $4 beginning of the action, $5 target,
-- $6 from, $7 to (times), $8 go on before this id, $9 entries looked at, $10 entries given, $11 text, $12 least id.
-- 'looked' and 'last_id' tell whether there may be more behind, and where.
with looked as materialized (
  select * from audit
  where ($1::uuid is null or project_id = $1)
    and ($2::text is null or actor = $2)
    and ($3::text is null or action = $3)
    and ($4::text is null or starts_with(action, $4))
    and ($5::text is null or target = $5)
    and ($6::timestamptz is null or at >= $6)
    and ($7::timestamptz is null or at < $7)
    and ($8::uuid is null or id < $8)
    and ($12::uuid is null or id >= $12)
  order by id desc
  limit $9
), found as (
  select * from looked
  where $11::text is null
    or strpos(lower(concat_ws(' ', actor, action, target, detail::text, before::text, after::text)), lower($11)) > 0
  order by id desc
  limit $10
)
select f.*, (select count(*)::int from looked) as looked, (select id from looked order by id limit 1) as last_id
from (select 1) one left join found f on true
order by f.id desc
