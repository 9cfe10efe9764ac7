-- Sums by hour of one day. $1 project, $2 midnight, $3 the next one.
delete from rollup_hour where project_id = $1 and hour >= $2 and hour < $3
