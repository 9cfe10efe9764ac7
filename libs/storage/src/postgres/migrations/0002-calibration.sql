-- Samples that the scales of a float model are made from: blob digest of an NPY file.
alter table model_version add column validation_calibration bytea;
