/**
 * What a release is made of, as a CycloneDX 1.6 ML-BOM (ecma-international.org/publications-and-standards/standards/ecma-424):
 * the model with its card, the file it came from, data sets, one bundle for each device type, compiler and runtime. Made from
 * rows that do not change and without a clock: equal releases give equal bytes, whose digest is in the provenance. Pure.
 */
import { createHash } from 'node:crypto';
import { dataSetsOf } from './data-sets.js';
import type { BuildFacts, ReleaseFacts, TensorFacts } from './ports.js';

export const bomType = 'application/vnd.cyclonedx+json';

/** Of TinyFleet itself. Of models and data nothing is known, so nothing is said. */
const ownLicence = [{ license: { id: 'Apache-2.0' } }];

/** JSON text. @param project that the release is of */
export function bomOf(project: string, release: ReleaseFacts): string {
  const ref = `${release.model}@${release.version}`;
  const isModel = release.component === 'model';
  const sets = dataSetsOf(release);
  const setRefs = sets.map(({ digest }) => `data:${digest.sha256}`);
  const bundles = isModel ? release.builds.map((build) => bundleOf(ref, build)) : [];
  const images = isModel
    ? (release.firmware?.images ?? []).map((one) => imageOf(release.firmware!.ref, one))
    : release.builds.map(({ type, bundleDigest: digest }) => imageOf(ref, { type, digest }));
  const compilers = isModel ? [...new Set(release.builds.map((one) => one.compilerVersion))].sort() : [];
  const runtimes = isModel ? [...new Set(release.builds.map((one) => one.abi))].sort() : [];
  const content = {
    metadata: {
      timestamp: release.createdAt.toISOString(),
      tools: {
        components: compilers.map((version) => ({ type: 'application', name: 'TinyFleet', version })),
      },
      component: {
        type: isModel ? 'machine-learning-model' : 'firmware',
        'bom-ref': 'release',
        group: project,
        name: release.model,
        version: release.version,
        ...(isModel && { hashes: hashesOf(release.sourceDigest), modelCard: cardOf(release, setRefs) }),
        externalReferences: [
          {
            type: 'attestation',
            url: `/api/v1/projects/${project}/releases/${ref}/provenance`,
            comment: 'in-toto statement with SLSA provenance, signed as DSSE by the keys of the project',
          },
        ],
        properties: [
          property('release', ref),
          property('sequence', String(release.sequence)),
          property('created-by', release.createdBy),
        ],
      },
    },
    components: [
      ...(isModel ? [sourceOf(release)] : []),
      ...sets.map(({ name, digest, annotations }) => ({
        type: 'data',
        'bom-ref': `data:${digest.sha256}`,
        name,
        hashes: hashesOf(digest.sha256),
        data: [{ type: 'dataset', name }],
        properties: (annotations?.deviceTypes as readonly string[]).map((type) => property('used-for', type)),
      })),
      ...bundles,
      ...images,
      ...compilers.map((version) => ({
        type: 'application',
        'bom-ref': `compiler:${version}`,
        name: 'TinyFleet compiler',
        version,
        licenses: ownLicence,
      })),
      ...runtimes.map((abi) => ({
        type: 'library',
        'bom-ref': `runtime:${abi}`,
        name: 'TinyFleet runtime',
        version: abi,
        description: `Any runtime of ABI ${abi} or a later minor one runs the bundles; it is part of the firmware`,
        licenses: ownLicence,
      })),
    ],
    dependencies: [
      { ref: 'release', dependsOn: [...images, ...bundles].map((one) => one['bom-ref']) },
      ...(isModel ? release.builds : []).map(({ type, compilerVersion, abi, dataSets: { calibration } }) => ({
        ref: `bundle:${type}`,
        dependsOn: [
          'source',
          ...(calibration ? [`data:${calibration}`] : []),
          `compiler:${compilerVersion}`,
          `runtime:${abi}`,
        ],
      })),
    ],
  };
  const head = { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: serialOf(content), version: 1 };
  return JSON.stringify({ ...head, ...content });
}

export const bomDigest = (bom: string): string => createHash('sha256').update(bom).digest('hex');

function bundleOf(ref: string, build: BuildFacts) {
  return {
    type: 'file',
    'bom-ref': `bundle:${build.type}`,
    name: `${ref}/${build.type}.bundle`,
    'mime-type': 'application/vnd.tinyfleet.bundle',
    hashes: hashesOf(build.bundleDigest),
    properties: [
      property('device-type', build.type),
      property('bytes', String(build.bundleBytes)),
      property('abi', build.abi),
    ],
  };
}

const imageOf = (ref: string, { type, digest }: { readonly type: string; readonly digest: string }) => ({
  type: 'firmware',
  'bom-ref': `firmware:${type}`,
  name: `${ref}/${type}.firmware`,
  version: ref.slice(ref.indexOf('@') + 1),
  hashes: hashesOf(digest),
  properties: [property('device-type', type)],
});

const sourceOf = ({ fileName, version, sourceDigest, format }: ReleaseFacts) => ({
  type: 'file',
  'bom-ref': 'source',
  name: fileName,
  version,
  description: 'The model as it was imported',
  hashes: hashesOf(sourceDigest),
  properties: [property('format', format)],
});

function cardOf({ labels, inputs, outputs, builds }: ReleaseFacts, dataSets: readonly string[]) {
  const accuracies = builds.flatMap(({ type, accuracy }) =>
    accuracy === null ? [] : [{ type: 'accuracy', value: String(accuracy), slice: `device type ${type}` }],
  );
  return {
    modelParameters: {
      ...(labels.length > 0 && { task: 'classification' }),
      datasets: dataSets.map((ref) => ({ ref })),
      inputs: inputs.map(tensorOf),
      outputs: outputs.map(tensorOf),
    },
    ...(accuracies.length > 0 && { quantitativeAnalysis: { performanceMetrics: accuracies } }),
    properties: labels.map((label) => property('label', label)),
  };
}

/** The file's own contract; quantized or not, as it was imported. */
const tensorOf = ({ dtype, shape }: TensorFacts): { format: string } => ({
  format: `${dtype}[${shape.join(', ')}]`,
});
const hashesOf = (sha256: string) => [{ alg: 'SHA-256', content: sha256 }];
const property = (name: string, value: string) => ({ name: `tinyfleet:${name}`, value });

/** UUIDv8 (RFC 9562, 5.8) of the content's SHA-256. */
function serialOf(content: object): string {
  const bytes = createHash('sha256').update(JSON.stringify(content)).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `urn:uuid:${hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}`;
}
