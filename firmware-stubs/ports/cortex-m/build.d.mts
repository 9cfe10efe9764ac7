// Types of build.mjs.
export type Core = 'm3' | 'm4' | 'm7';
export const CORES: Readonly<
  Record<Core, { readonly cpu: string; readonly board: string; readonly psram: string }>
>;
/** Path of fleet-run, or of tinyfleet-device. */
export function buildCortexM(core: Core, options?: { readonly agent?: boolean }): Promise<string>;
