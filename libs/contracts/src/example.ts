/** Examples of the OpenAPI document, made of the schemas: every example is valid because it is read off what validates. */
import { z } from './zod.js';

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  /** A list: the kinds of a nullable value. */
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  /** Of a tuple. */
  readonly prefixItems?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: unknown;
}

/** By the name of a property, for what is a text. */
const TEXTS: Readonly<Record<string, string>> = {
  action: 'device.registered',
  actor: 'person:ada@example.org',
  address: '192.0.2.7',
  authority: 'factory',
  createdBy: 'person:ada@example.org',
  device: 'pump-17',
  deviceType: 'nrf52840-dk',
  filter: 'tag = "pilot"',
  group: 'pilot',
  machine: 'laptop',
  model: 'vibration',
  name: 'pump-17',
  notes: 'beside the door',
  password: 'correct horse battery',
  project: 'pumps',
  reason: 'as asked',
  release: 'vibration@1.1.0',
  site: 'hall-3',
  subject: 'pump-17',
  timeZone: 'Europe/Berlin',
  title: 'Pump hall',
  type: 'nrf52840-dk',
  url: 'https://ops.example.org/hook',
  version: '1.1.0',
};
/** Tried in this order for a text whose name tells nothing. */
const CANDIDATES = [
  'text',
  'vibration@1.1.0',
  '1.1.0',
  '1.0',
  'CONV_2D',
  '22:00',
  'ada@example.org',
  '0A1B2C',
  '0'.repeat(16),
  '0123456789abcdef'.repeat(4),
  'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
];
const FORMATS: Readonly<Record<string, string>> = {
  date: '2026-01-31',
  'date-time': '2026-01-31T12:00:00.000Z',
  email: 'ada@example.org',
  uri: 'https://ops.example.org/hook',
  uuid: '0198c2f0-7d5e-7a31-9c44-3f6b2a1d8e90',
};

export function exampleOf(schema: z.ZodType, io: 'input' | 'output' = 'output'): unknown {
  const made = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as Schema;
  return sample(made, '', made.$defs ?? {});
}

function sample(schema: Schema, name: string, defs: Readonly<Record<string, Schema>>): unknown {
  if (schema.$ref !== undefined) return sample(defs[schema.$ref.split('/').at(-1) ?? ''] ?? {}, name, defs);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return sample(either.find(({ type }) => type !== 'null') ?? {}, name, defs);
  const { type } = schema;
  switch (typeof type === 'string' ? type : type?.find((one) => one !== 'null')) {
    case 'object':
      return object(schema, defs);
    case 'array':
      // They rise and end with 100.
      if (name === 'steps' && takesNumbers(schema.items, defs)) return [10, 50, 100];
      if (schema.prefixItems) return schema.prefixItems.map((item) => sample(item, name, defs));
      return schema.items ? [sample(schema.items, singular(name), defs)] : [];
    case 'integer':
    case 'number':
      return number(schema);
    case 'boolean':
      return schema.default ?? true;
    case 'null':
      return null;
    case 'string':
      return text(schema, name);
    default:
      return {};
  }
}

function object(schema: Schema, defs: Readonly<Record<string, Schema>>): Record<string, unknown> {
  const more = schema.additionalProperties;
  const entries = Object.entries(schema.properties ?? {}).map(([key, inner]) => [
    key,
    sample(inner, key, defs),
  ]);
  if (entries.length === 0 && typeof more === 'object') {
    const key = String(sample(schema.propertyNames ?? { const: 'line' }, 'line', defs));
    return { [key]: sample(more, key, defs) };
  }
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function number({ minimum, maximum, default: usual }: Schema): number {
  if (typeof usual === 'number') return usual;
  const least = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : 0;
  return Math.min(Math.max(least, 1), maximum ?? Number.MAX_SAFE_INTEGER);
}

function text(schema: Schema, name: string): string {
  const { format, pattern, minLength = 0, maxLength = Number.MAX_SAFE_INTEGER } = schema;
  if (format !== undefined && format in FORMATS) return FORMATS[format] ?? '';
  const fits = (value: string) =>
    value.length >= minLength &&
    value.length <= maxLength &&
    (pattern === undefined || new RegExp(pattern, 'u').test(value));
  const given = [TEXTS[name], name, ...CANDIDATES].find((value) => value !== undefined && fits(value));
  return given ?? '';
}

const singular = (name: string): string => name.replace(/s$/, '');
function takesNumbers(given: Schema | undefined, defs: Readonly<Record<string, Schema>>): boolean {
  const schema = given?.$ref === undefined ? given : defs[given.$ref.split('/').at(-1) ?? ''];
  const either = [schema, ...(schema?.anyOf ?? []), ...(schema?.oneOf ?? [])];
  return either.some((one) => one?.type === 'integer' || one?.type === 'number');
}
