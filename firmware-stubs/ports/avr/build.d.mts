export const SHARED_UNITS: readonly string[];
export const REDUCED_UNITS: readonly string[];
export const REDUCED_INCLUDES: readonly string[];
export const PROGRAM_BYTES: number;
export function buildAvr(): Promise<string>;
export function buildSimavr(): Promise<string>;
export function avrSections(image: string): Promise<Record<string, number>>;
