-- Projects that are watched: those with a declared healthy period, which the greatest number is of, and those with validation data.
select p.id, p.name, p.window_s as "windowSeconds", coalesce(s.settings, '{}') as settings, b.number,
  extract(epoch from b.from_at)::float8 * 1000 as "fromMs", extract(epoch from b.to_at)::float8 * 1000 as "toMs"
from project p
left join quality_settings s on s.project_id = p.id
left join lateral (
  select number, from_at, to_at from quality_baseline where project_id = p.id order by number desc limit 1
) b on true
where b.number is not null or exists (select from build_baseline where project_id = p.id)
order by p.id
