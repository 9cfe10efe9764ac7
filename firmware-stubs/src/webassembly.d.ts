// The part of the WebAssembly JavaScript API that TinyFleet uses; Node's types do not carry it and the DOM's
// would put a browser into every file.
export {};

declare global {
  namespace WebAssembly {
    interface Memory {
      readonly buffer: ArrayBuffer;
      grow(pages: number): number;
    }
    interface Global<T extends string = string> {
      value: T extends 'i64' ? bigint : number;
    }
    class Module {
      constructor(bytes: Uint8Array);
      static imports(module: Module): { module: string; name: string; kind: string }[];
    }
    class Instance {
      constructor(module: Module, imports: Record<string, Record<string, unknown>>);
      readonly exports: Record<string, unknown>;
    }
    const Memory: new (limits: { initial: number; maximum?: number }) => Memory;
    class RuntimeError extends Error {}
    function compile(bytes: Uint8Array): Promise<Module>;
  }
}
