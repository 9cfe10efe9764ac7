-- What devices with these keys said they can: of each key one device speaks for all. $1 project, $2 keys.
select k.ability, r.firmware_version as firmware, r.floor::float8 as floor, r.hello
from unnest($2::uuid[]) as k (ability)
cross join lateral (
  select firmware_version, floor, hello from device_report
  where project_id = $1 and ability = k.ability limit 1
) as r
