// Types of build.mjs.
export function buildPosix(options?: { sanitize?: boolean }): Promise<string>;
export function buildPosixAgent(options?: { sanitize?: boolean; tls?: boolean }): Promise<string>;
export function openSsl(): Promise<{ flags: string[]; link: string[] } | undefined>;
