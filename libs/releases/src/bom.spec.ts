/** Bills of materials: against CycloneDX's own schema, what they name, and that equal releases give equal bytes. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { build, digest, facts } from '../test/release-facts.js';
import { bomDigest, bomOf } from './bom.js';
import { statementOf } from './provenance.js';

/** The schema as CycloneDX ships it; formats of texts are RFCs of their own and not what is looked at here. */
function validator() {
  const library = createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library');
  const folder = join(library.slice(0, library.indexOf('cyclonedx-library')), 'cyclonedx-library/res/schema');
  const schema = (name: string): object => JSON.parse(readFileSync(join(folder, name), 'utf8')) as object;
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ['spdx', 'jsf-0.82', 'cryptography-defs'].map((one) => `${one}.SNAPSHOT.schema.json`))
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}`);
  return ajv.compile(schema('bom-1.6.SNAPSHOT.schema.json'));
}

describe('a bill of materials', () => {
  it('should be valid CycloneDX 1.6, also without labels, data sets and accuracy', () => {
    const isValid = validator();
    const bare = { ...build('m4', '1'), dataSets: {}, accuracy: null };
    const firmware = { ref: 'app@2.0.0', images: [{ type: 'm4', digest: digest('f'), createdBy: 'x' }] };
    const alone = {
      ...facts,
      component: 'firmware' as const,
      inputs: [],
      outputs: [],
      labels: [],
      builds: [bare],
    };
    for (const one of [
      facts,
      { ...facts, labels: [], inputs: [], builds: [bare] },
      { ...facts, firmware },
      alone,
    ]) {
      isValid(JSON.parse(bomOf('demo', one)));
      expect(isValid.errors).toBeNull();
    }
    const wrong = JSON.parse(bomOf('demo', facts)) as { metadata: { component: { type: string } } };
    wrong.metadata.component.type = 'neural-thing';
    expect(isValid(wrong)).toBe(false);
  });

  it('should name model, card, file, data sets once, bundles, compiler, runtime and the signed statement', () => {
    const bom = JSON.parse(bomOf('demo', facts)) as {
      metadata: { component: object };
      components: { 'bom-ref': string }[];
    };
    expect(bom.metadata.component).toMatchObject({
      ...{ type: 'machine-learning-model', name: 'kws', version: '1.1.0' },
      modelCard: {
        modelParameters: {
          task: 'classification',
          datasets: [
            { ref: `data:${digest('c')}` },
            { ref: `data:${digest('d')}` },
            { ref: `data:${digest('e')}` },
          ],
          inputs: [{ format: 'int8[1, 49, 10]' }],
        },
        quantitativeAnalysis: {
          performanceMetrics: [
            { type: 'accuracy', value: '0.9', slice: 'device type m4' },
            { slice: 'device type wasm' },
          ],
        },
      },
      externalReferences: [
        { type: 'attestation', url: '/api/v1/projects/demo/releases/kws@1.1.0/provenance' },
      ],
    });
    expect(bom.components.map((one) => one['bom-ref'])).toEqual([
      'source',
      `data:${digest('c')}`,
      `data:${digest('d')}`,
      `data:${digest('e')}`,
      'bundle:m4',
      'bundle:wasm',
      'compiler:0.3.0',
      'runtime:1.0',
    ]);
    expect(bom.components[4]).toMatchObject({ hashes: [{ alg: 'SHA-256', content: digest('1') }] });
  });

  it('should be the same bytes for the same release, others for another, and be named in the provenance', () => {
    const bom = bomOf('demo', facts);
    expect(bomOf('demo', structuredClone(facts))).toBe(bom);
    const serial = (text: string) => (JSON.parse(text) as { serialNumber: string }).serialNumber;
    expect(serial(bom)).toMatch(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(serial(bomOf('demo', { ...facts, sequence: 6 }))).not.toBe(serial(bom));
    expect(JSON.parse(statementOf('demo', facts, bom))).toMatchObject({
      predicate: {
        runDetails: { byproducts: [{ name: 'sbom.cdx.json', digest: { sha256: bomDigest(bom) } }] },
      },
    });
  });
});
