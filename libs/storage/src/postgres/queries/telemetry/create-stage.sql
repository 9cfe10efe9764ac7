-- Per connection, emptied by every commit.
create temp table if not exists telemetry_stage (like telemetry_window) on commit delete rows
