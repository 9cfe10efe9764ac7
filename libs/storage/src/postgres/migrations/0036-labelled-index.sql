-- Concurrently: labelled predictions by time, few among many, for the accuracy that labels show of a set of devices.
drop index concurrently if exists prediction_labelled_idx;
create index concurrently prediction_labelled_idx on prediction (project_id, at) where label is not null and predicted is not null;
