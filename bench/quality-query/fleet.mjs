// What is in the fleet besides what it sends: versions of a model with their builds and what validation data said of them.
import { CLASSES } from '../ingest/payload.mjs';

export const SITES = 5;
/** One device in ten reports the truth of one prediction an hour. */
export const LABELLED = 10;
export const uuid = (kind, i) => `01900000-0000-7000-8${kind}00-${i.toString(16).padStart(12, '0')}`;

/** Validation data in which every window would be an ordinary one. */
function baselineOf({ classes, featureCounts, ood }) {
  const often = (counts) => counts.map((count) => count * 100);
  const right = (counts) => often(counts).map((count) => Math.round(count * 0.8));
  const rows = Array.from({ length: CLASSES }, (_, i) => classes.slice(i * 8, (i + 1) * 8));
  const feature = (name, counts) => ({
    ...{
      name,
      edges: [],
      counts: often(counts),
      correct: right(counts),
      n: often(counts).reduce((a, b) => a + b, 0),
    },
    ...{ centre: 0, sum: 0, sumSquares: 1_000_000, min: -120, max: 119, scale: 1, zeroPoint: 0, classes: [] },
  });
  return {
    ...{ samples: 10_000, accuracy: 0.8, histogram: rows.map(often), correct: rows.map(right) },
    features: Array.from({ length: featureCounts.length / 16 }, (_, i) =>
      feature(`f${i}`, featureCounts.slice(i * 16, (i + 1) * 16)),
    ),
    ood: feature('score', ood),
  };
}

/** Of a model `kws`: 1.0.0, 1.1.0 and on. */
export async function makeVersions(database, { project, type }, { unpacked, versions }) {
  const digest = Buffer.alloc(32, 1);
  await database.query(`insert into blob (project_id, digest, kind, bytes) values ($1, $2, 'model', 1)`, [
    project,
    digest,
  ]);
  await database.query(`insert into model (project_id, id, name) values ($1, $2, 'kws')`, [
    project,
    uuid(5, 1),
  ]);
  for (let i = 0; i < versions; i++) {
    await database.query(
      `insert into model_version (project_id, id, model_id, version, version_order, format, file_name, source_digest,
         source_bytes, contract, inspection, labels, created_by)
       values ($1, $2, $3, $4, $4, 'tflite', 'kws.tflite', $5, 1, '{}', '{}', '{a,b,c,d}', 'bench')`,
      [project, uuid(3, i), uuid(5, 1), `1.${i}.0`, digest],
    );
    await database.query(
      `insert into bundle_name (project_id, prefix, digest, model_version_id, type_id, classes, schema_crc) values ($1, $2, $3, $4, $5, $6, 0)`,
      [project, Buffer.alloc(8, i + 1), Buffer.alloc(32, i + 1), uuid(3, i), type, CLASSES],
    );
    await database.query(
      `insert into build (project_id, id, model_version_id, type_id, state, source_digest, options_digest, created_by)
       values ($1, $2, $3, $4, 'succeeded', $5, $5, 'bench')`,
      [project, uuid(6, i), uuid(3, i), type, digest],
    );
    await database.query(
      `insert into build_baseline (project_id, build_id, model_version_id, schema_crc, data) values ($1, $2, $3, 0, $4)`,
      [project, uuid(6, i), uuid(3, i), JSON.stringify(baselineOf(unpacked))],
    );
  }
}
