// Types of build.mjs.
export function buildPosix(options?: { sanitize?: boolean }): Promise<string>;
