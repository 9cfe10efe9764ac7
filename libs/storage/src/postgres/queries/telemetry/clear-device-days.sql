-- Sums by device of one day. $1 project, $2 midnight, $3 the next one.
delete from rollup_device_day
where project_id = $1 and day >= ($2::timestamptz at time zone 'UTC')::date and day < ($3::timestamptz at time zone 'UTC')::date
