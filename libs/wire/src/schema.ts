/** Shape of the generated field tables that drive the codec. */
export type FieldType =
  | { readonly kind: 'uint'; readonly min: number; readonly max: number }
  /** Negative or not, within the safe integers. */
  | { readonly kind: 'int' }
  /** 64 bits: a number cannot hold it. */
  | { readonly kind: 'boot-id' }
  | { readonly kind: 'bool' }
  /** Lengths in bytes. */
  | { readonly kind: 'bstr'; readonly min?: number; readonly max?: number }
  | { readonly kind: 'tstr'; readonly min?: number; readonly max?: number; readonly isName?: boolean }
  | { readonly kind: 'enum'; readonly values: Readonly<Record<string, number>> }
  | { readonly kind: 'list'; readonly min: number; readonly max: number; readonly of: FieldType }
  | { readonly kind: 'table'; readonly keyMax: number; readonly valueMax: number }
  | { readonly kind: 'message'; readonly schema: string };

export interface Field {
  readonly key: number;
  readonly name: string;
  readonly optional: boolean;
  readonly type: FieldType;
}

/** Fields by rising key. */
export type Schema = readonly Field[];
