// Types of build.mjs.
export type Core = 'm3' | 'm4' | 'm7';
export const CORES: Readonly<Record<Core, { cpu: string; board: string; psram: string }>>;
export function buildCortexM(core: Core): Promise<string>;
