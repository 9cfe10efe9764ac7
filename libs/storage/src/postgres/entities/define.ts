/** Short declarations of TypeORM entities: property names in camelCase, columns in snake_case, keys by name. */
import { EntitySchema, type EntitySchemaColumnOptions, type EntitySchemaOptions } from 'typeorm';

type Column = EntitySchemaColumnOptions;

export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const column = (type: Column['type'], rest: Partial<Column> = {}): Column => ({ type, ...rest });
export const key = (type: Column['type'] = 'uuid'): Column => column(type, { primary: true });
export const uuid = (rest?: Partial<Column>): Column => column('uuid', rest);
export const text = (rest?: Partial<Column>): Column => column('text', rest);
export const int = (rest?: Partial<Column>): Column => column('integer', rest);
export const float = (rest?: Partial<Column>): Column => column('double precision', rest);
export const bool = (rest?: Partial<Column>): Column => column('boolean', rest);
export const bytes = (rest?: Partial<Column>): Column => column('bytea', rest);
export const json = (rest?: Partial<Column>): Column => column('jsonb', rest);
export const texts = (rest?: Partial<Column>): Column => column('text', { array: true, ...rest });
export const time = (rest?: Partial<Column>): Column => column('timestamptz', rest);
export const createdAt: Column = time({ default: () => 'now()' });
/** int8 that stays below 2^53. */
export const long = (rest?: Partial<Column>): Column =>
  column('bigint', {
    transformer: {
      to: (value: number | null | undefined) => value,
      from: (value: string | null) => (value === null ? null : Number(value)),
    },
    ...rest,
  });
export const optional = { nullable: true } as const;

interface Keys {
  /** Constraint name -> properties. */
  readonly unique?: Record<string, string[]>;
  readonly index?: Record<string, string[]>;
  /** Indexes that TypeORM cannot describe (other methods): known, not compared. */
  readonly otherIndex?: Record<string, string[]>;
  /** Constraint name -> [properties, target table, its properties, cascade?]. */
  readonly foreign?: Record<string, readonly [string[], string, string[], 'cascade'?]>;
}

export function entity<Row extends object>(
  table: string,
  columns: { readonly [K in keyof Row]-?: Column },
  keys: Keys = {},
): EntitySchema<Row> {
  const named = Object.fromEntries(
    Object.entries<Column>(columns).map(([name, options]) => [name, { ...options, name: snake(name) }]),
  );
  const options = {
    name: table,
    tableName: table,
    columns: named as EntitySchemaOptions<Row>['columns'],
    uniques: Object.entries(keys.unique ?? {}).map(([name, properties]) => ({ name, columns: properties })),
    indices: [
      ...Object.entries(keys.index ?? {}).map(([name, properties]) => ({ name, columns: properties })),
      ...Object.entries(keys.otherIndex ?? {}).map(([name, properties]) => ({
        name,
        columns: properties,
        synchronize: false,
      })),
    ],
    foreignKeys: Object.entries(keys.foreign ?? {}).map(
      ([name, [columnNames, target, referenced, cascade]]) => ({
        name,
        target,
        columnNames,
        referencedColumnNames: referenced,
        ...(cascade ? { onDelete: 'CASCADE' as const } : {}),
      }),
    ),
  } satisfies EntitySchemaOptions<Row>;
  return new EntitySchema<Row>(options);
}
