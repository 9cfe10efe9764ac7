-- What devices with these keys said they can: of each key the first device by name speaks for all. Whichever comes first would be looked
-- for from the start of the table, which a key that few of a million devices have lies far from. $1 project, $2 keys
select k.ability, r.firmware_version as firmware, r.floor::float8 as floor, r.hello
from unnest($2::uuid[]) as k (ability)
cross join lateral (
  select firmware_version, floor, hello from device_report
  where project_id = $1 and ability = k.ability order by name limit 1
) as r
