// The part of jsfive (an HDF5 reader without typings) that our reader is compared with.
declare module 'jsfive' {
  export interface Entry {
    /** Of groups. */
    readonly keys?: string[];
    readonly attrs: Record<string, unknown>;
    /** Of datasets. */
    readonly shape?: number[];
    readonly value?: number[];
    get(name: string): Entry;
  }
  export const File: new (buffer: ArrayBuffer) => Entry;
}
