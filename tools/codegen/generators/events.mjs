// docs/events.md from the event map and the live topics: what a webhook can be told of, with the payload of each, and what the live stream tells. The map is TypeScript, so the workspace's build runs first.
import { build } from '../../workspace/build.mjs';

/** @param {string} _root @returns {Promise<{path: string, text: string}[]>} */
export async function generate(_root) {
  await build({ quiet: true, sites: false });
  const { liveTopics, openApiDocument } = await import('@tinyfleet/contracts');
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
  return [
    { path: 'docs/events.md', text: `${[HEAD, LIVE, liveTable(liveTopics), ...sections].join('\n\n')}\n` },
  ];
}

const HEAD = `# Events

<!-- Generated from libs/contracts/src/events.ts by npm run generate. -->

What happens in a project: the stream of [events](api.md#events) has all of it, a [webhook](api.md#webhooks) what it names. A webhook gets
\`{ "type", "timestamp", "project", "number", "data" }\`, the same for every event; below is \`data\`. Later versions add events and fields: ignore
what you do not know. \`webhook.ping\` is sent on demand: its \`number\` is null, its \`data\` the webhook's name.`;

const LIVE = `## The live stream

The dashboard is not told of every event: it asks [\`GET /api/v1/live\`](api.md#events) for what it shows, and is told what of that is worth
reading again, in at most 4 frames a second. One stream serves any number of projects, and a script may read it as well:

\`\`\`text
GET /api/v1/live?topics=pumps/fleet,pumps/devices/pump-17,mills/alerts

id: pumps:512,mills:7
event: changes
data: {"changes":["pumps/fleet","pumps/devices/pump-17"],"gone":[]}
\`\`\`

A topic is \`project/topic\`, or \`project/topic/row\` for one row of it; at most 200 in a stream. The first frame comes at once, empty when
nothing was missed. A change \`project/topic\` means any of its rows, or which rows there are. \`gone\` in the first frame names the projects
that do not exist for you; a stream without any other is refused with 404.

- **Resuming.** A frame's \`id\` says how far it goes in each project. Sent back as \`Last-Event-ID\`, which browsers do by themselves, nothing is
  missed, over a restart of the server too. For other topics begin another stream with \`?after=\` and the last \`id\`: it tells at least the last
  10 seconds again, as one without an \`id\` does, or to read everything again when that is too much.
- **\`event: reload\`** instead of \`changes\`: too much changed to be told, so read everything again that you show. It comes to a reader that
  takes so little that more than 1,000 changes wait for it, and to one that resumes after more than 1,000 events or after ones that are removed
  (\`limits.liveChanges\` of the [configuration](configuration.md)).
- **The end.** The stream ends when the session or token does, or the right to one of its projects. What is still allowed is told again after
  reconnecting.`;

/** What can be asked for, and the events that each topic comes from. */
const liveTable = (topics) =>
  [
    '| Topic | Row | About | From |',
    '| --- | --- | --- | --- |',
    ...Object.entries(topics).map(([topic, { about, row, events }]) => {
      const from = Object.keys(events).map((name) => `[${name}](#${name.replaceAll('.', '')})`);
      return `| \`${topic}\` | ${row ?? ''} | ${about} | ${from.join(', ')} |`;
    }),
  ].join('\n');

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
