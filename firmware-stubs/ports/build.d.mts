// Types of build.mjs.
export function buildImage(image: {
  name: string;
  cc: string;
  folders: string[];
  flags: string[];
  link: string[];
}): Promise<string>;
export function buildUnits(image: {
  name: string;
  cc: string;
  units: string[];
  includes: string[];
  flags: string[];
  link: string[];
}): Promise<string>;
export const AGENT: readonly string[];
