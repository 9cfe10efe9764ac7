-- Rows of sums of one day. $1 project, $2 midnight, $3 the next one.
select
  (select count(*)::int from rollup_hour where project_id = $1 and hour >= $2 and hour < $3) as hours,
  (select count(*)::int from rollup_device_day where project_id = $1 and day >= ($2::timestamptz at time zone 'UTC')::date
    and day < ($3::timestamptz at time zone 'UTC')::date) as "deviceDays"
