// Types of build.mjs.
export function buildPosix(options?: { sanitize?: boolean }): Promise<string>;
export function buildPosixAgent(options?: {
  sanitize?: boolean;
  tls?: boolean;
  name?: string;
  version?: string;
  folders?: readonly string[];
}): Promise<string>;
export function openSsl(): Promise<{ flags: string[]; link: string[] } | undefined>;
