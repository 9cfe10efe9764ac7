/** firmware-stubs/vectors/*.json as byte arrays that C tests include. The JSON is made by libs/wire's vectors.spec.ts. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export async function generate(root) {
  const read = async (name) => JSON.parse(await readFile(join(root, 'firmware-stubs/vectors', name), 'utf8'));
  const numbers = await errorNumbers(root);
  const wire = await read('wire.json');
  const manifest = await read('manifest.json');
  const ask = await read('ask.json');
  const number = (code) => {
    const value = numbers.get(code);
    if (value === undefined) throw new Error(`${code} of a vector has no number`);
    return value;
  };
  const lines = [
    '/*',
    ' * Golden messages, manifests and commands, shared with the TypeScript codec. Generated from wire.json,',
    ' * manifest.json and ask.json by npm run generate. Do not edit. For tests: include it in one translation unit.',
    ' */',
    '#ifndef FLEET_VECTORS_H',
    '#define FLEET_VECTORS_H',
    '',
    '#include <stdint.h>',
    '',
    'typedef struct {',
    '    const char *name;',
    '    const char *message;     /* wire.cddl rule, "manifest" for manifests; good commands: "mac" or "signature" */',
    '    const char *project;     /* manifests: whose device verifies it */',
    '    const char *device_type;',
    '    int error;               /* 0 = valid, else the registered number */',
    '    const uint8_t *bytes;',
    '    uint32_t length;',
    '} fleet_vector_t;',
    '',
    array('fleet_vector_public_key', manifest.publicKey),
  ];
  // Commands are to one device, which holds these.
  lines.push(`#define FLEET_ASK_CLIENT_ID ${JSON.stringify(ask.clientId)}`);
  lines.push(`#define FLEET_ASK_TOKEN ${JSON.stringify(ask.token)}`);
  lines.push(array('fleet_ask_device_key', ask.deviceKey), array('fleet_ask_signing_key', ask.signingKey));
  const table = (name, rows) => {
    rows.forEach((row, i) => lines.push(array(`${name}_${i}`, row.hex)));
    lines.push(`static const fleet_vector_t ${name}s[] = {`);
    rows.forEach((row, i) => {
      const text = (value) => (value === undefined ? '0' : JSON.stringify(value));
      const error = row.error === undefined ? 0 : number(row.error);
      const head = `${text(row.name)}, ${text(row.message)}, ${text(row.project)}, ${text(row.deviceType)}`;
      lines.push(`    {${head}, ${error}, ${name}_${i}, ${row.hex.length / 2}u},`);
    });
    lines.push('};', '');
  };
  table('fleet_wire_vector', [...wire.messages, ...wire.negatives]);
  table(
    'fleet_manifest_vector',
    [...manifest.manifests, ...manifest.negatives].map((m) => ({ ...m, message: 'manifest' })),
  );
  table(
    'fleet_ask_vector',
    [...ask.asks, ...ask.negatives].map((m) => ({ ...m, message: m.authentication ?? 'ask' })),
  );
  lines.push('#endif', '');
  return [
    { path: 'firmware-stubs/vectors/fleet_vectors.h', text: lines.join('\n') },
    { path: 'firmware-stubs/vectors/fleet_payload_vectors.h', text: payloads(await read('payload.json')) },
    {
      path: 'firmware-stubs/vectors/fleet_mac_manifest_vectors.h',
      text: macManifests(await read('mac-manifest.json'), number),
    },
  ];
}

function macManifests({ manifests, negatives, ...device }, number) {
  const rows = [...manifests, ...negatives];
  const text = (value) => JSON.stringify(value);
  return [
    '/*',
    ' * Golden manifests of the reduced profile for one device, and others that it must refuse. Generated from',
    ' * mac-manifest.json by npm run generate. Do not edit. For tests: include it in one translation unit.',
    ' */',
    '#ifndef FLEET_MAC_MANIFEST_VECTORS_H',
    '#define FLEET_MAC_MANIFEST_VECTORS_H',
    '',
    '#include <stdint.h>',
    '',
    `#define FLEET_MAC_MANIFEST_CLIENT_ID ${text(device.clientId)}`,
    `#define FLEET_MAC_MANIFEST_DEVICE_TYPE ${text(device.deviceType)}`,
    `#define FLEET_MAC_MANIFEST_TOKEN ${text(device.token)}`,
    array('fleet_mac_manifest_device_key', device.deviceKey),
    '',
    'typedef struct {',
    '    const char *name;',
    '    int error; /* 0 = valid, else the registered number */',
    '    uint32_t sequence; /* of valid ones */',
    '    const uint8_t *bytes;',
    '    uint32_t length;',
    '} fleet_mac_manifest_vector_t;',
    '',
    ...rows.map((row, i) => array(`fleet_mac_manifest_${i}`, row.hex)),
    'static const fleet_mac_manifest_vector_t fleet_mac_manifest_vectors[] = {',
    ...rows.map(({ name, error, content, hex }, i) => {
      const head = `${text(name)}, ${error === undefined ? 0 : number(error)}, ${content?.sequence ?? 0}u`;
      return `    {${head}, fleet_mac_manifest_${i}, ${hex.length / 2}u},`;
    }),
    '};',
    '',
    '#endif',
    '',
  ].join('\n');
}

function payloads({ payloads: rows }) {
  const lines = [
    '/*',
    ' * Golden payloads of docs/spec/transfer.md, made by libs/wire. Generated from payload.json by npm run generate.',
    ' * Do not edit. For tests: include it in one translation unit.',
    ' */',
    '#ifndef FLEET_PAYLOAD_VECTORS_H',
    '#define FLEET_PAYLOAD_VECTORS_H',
    '',
    '#include <stdint.h>',
    '',
    'typedef struct {',
    '    const char *name;',
    '    const uint8_t *base;',
    '    const uint8_t *result;',
    '    const uint8_t *payload;',
    '    uint32_t base_bytes;',
    '    uint32_t result_bytes;',
    '    uint32_t payload_bytes;',
    '    uint32_t sector_bytes;',
    '} fleet_payload_vector_t;',
    '',
  ];
  const parts = ['base', 'result', 'payload'];
  rows.forEach((row, i) =>
    lines.push(...parts.map((part) => array(`fleet_payload_${i}_${part}`, row[part]))),
  );
  lines.push('static const fleet_payload_vector_t fleet_payload_vectors[] = {');
  rows.forEach((row, i) => {
    const names = parts.map((part) => `fleet_payload_${i}_${part}`);
    const sizes = parts.map((part) => `${row[part].length / 2}u`);
    lines.push(`    {${[JSON.stringify(row.name), ...names, ...sizes, `${row.sectorBytes}u`].join(', ')}},`);
  });
  lines.push('};', '', '#endif', '');
  return lines.join('\n');
}

async function errorNumbers(root) {
  const { DEVICE_AREAS, parseArea } = await import('../src/errors.mjs');
  const numbers = new Map();
  for (const area of Object.keys(DEVICE_AREAS)) {
    const source = await readFile(join(root, `libs/errors/messages/${area}.md`), 'utf8');
    for (const entry of parseArea(area, source).entries) numbers.set(entry.code, entry.number);
  }
  return numbers;
}

function array(name, hex) {
  const bytes = hex.match(/../g) ?? ['00']; // C has no empty arrays
  const rows = [];
  for (let i = 0; i < bytes.length; i += 16)
    rows.push(
      `    ${bytes
        .slice(i, i + 16)
        .map((b) => `0x${b}`)
        .join(', ')},`,
    );
  return `static const uint8_t ${name}[] = {\n${rows.join('\n')}\n};`;
}
