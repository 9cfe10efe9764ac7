// docs/events.md from the event map: what a webhook can be told of, with the payload of each. The map is TypeScript, so the workspace's build runs first.
import { build } from '../../workspace/build.mjs';

/** @param {string} _root @returns {Promise<{path: string, text: string}[]>} */
export async function generate(_root) {
  await build({ quiet: true, sites: false });
  const { openApiDocument } = await import('@tinyfleet/contracts');
  const { webhooks, components } = openApiDocument('1');
  const sections = Object.entries(webhooks).map(([type, { post }]) => {
    const { schema, example } = post.requestBody.content['application/json'];
    const data = resolve(schema.properties.data, components);
    const rows = Object.entries(data.properties ?? {}).map(
      ([name, property]) => `| \`${name}\` | ${kind(property, components).replaceAll('|', '\\|')} |`,
    );
    const json = `\`\`\`json\n${JSON.stringify(example.data, null, 2)}\n\`\`\``;
    return [
      `## ${type}`,
      `${post.summary}.`,
      ['| Field | Value |', '| --- | --- |', ...rows].join('\n'),
      json,
    ].join('\n\n');
  });
  return [{ path: 'docs/events.md', text: `${[HEAD, ...sections].join('\n\n')}\n` }];
}

const HEAD = `# Events

<!-- Generated from libs/contracts/src/events.ts by npm run generate. -->

What happens in a project: the stream of [events](api.md#events) has all of it, a [webhook](api.md#webhooks) what it names. A webhook gets
\`{ "type", "timestamp", "project", "number", "data" }\`, the same for every event; below is \`data\`. Later versions add events and fields: ignore
what you do not know. \`webhook.ping\` is sent on demand: its \`number\` is null, its \`data\` the webhook's name.`;

const resolve = (schema, components) =>
  schema.$ref === undefined ? schema : components.schemas[schema.$ref.split('/').at(-1)];

function kind(given, components) {
  const schema = resolve(given, components);
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(' | ');
  if (schema.type === 'array') return `list of ${kind(schema.items, components)}`;
  if (schema.anyOf) return schema.anyOf.map((one) => kind(one, components)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.join(' | ');
  if (schema.type !== 'object') return schema.type ?? 'any';
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, inner]) => `\`${name}\`: ${kind(inner, components)}`,
  );
  return fields.length === 0 ? 'object of numbers' : `{ ${fields.join(', ')} }`;
}
