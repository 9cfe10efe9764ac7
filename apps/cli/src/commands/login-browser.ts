/**
 * Signing in with a browser (RFC 8252): it comes back to a port of this machine with a code, or the code is pasted.
 * The code alone is worth nothing: the verifier behind the challenge (RFC 7636) never leaves this process.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline/promises';
import type { Client } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';

export interface BrowserLogin {
  readonly days: number;
  readonly machine: string;
  readonly timeoutSeconds: number;
  /** The code comes from standard input, not from a browser on this machine. */
  readonly isPasted: boolean;
  readonly opensBrowser: boolean;
}

const APPROVED = 'The command line is let in. Close this page and go on in the terminal.';
const REFUSED = 'The command line is not let in. You may close this page.';

export const newVerifier = (): string => randomBytes(32).toString('base64url');
export const challengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier, 'ascii').digest('base64url');

/** An API token of one's own, made by who is signed in in the browser. @throws auth.oidc-off, cli.timeout, cli.login-refused */
export async function tokenByBrowser(url: string, client: Client, login: BrowserLogin): Promise<string> {
  const { provider } = await client.call('loginOptions');
  if (provider === null) throw new FleetError('auth.oidc-off');
  const verifier = newVerifier();
  const request = { challenge: challengeOf(verifier), machine: login.machine, days: String(login.days) };
  const code = login.isPasted
    ? await codeFromInput(url, provider.path, request, login)
    : await codeFromBrowser(url, provider.path, request, login);
  return (await client.call('cliLoginRedeem', { body: { code, verifier } })).token;
}

/** By way of the provider to the page that asks; what it asks is behind the #, which no server sees. */
function addressOf(url: string, path: string, request: Readonly<Record<string, string>>): string {
  const next = `/cli-login#${new URLSearchParams(request).toString()}`;
  return `${url}${path}?${new URLSearchParams({ next }).toString()}`;
}

async function codeFromInput(
  url: string,
  path: string,
  request: Readonly<Record<string, string>>,
  { timeoutSeconds }: BrowserLogin,
): Promise<string> {
  process.stderr.write(`Open this address in any browser:\n  ${addressOf(url, path, request)}\n`);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const signal = AbortSignal.timeout(timeoutSeconds * 1_000);
    const ended = new Promise<never>((_, reject) => {
      reader.once('close', () => reject(new FleetError('auth.cli-login-invalid')));
    });
    return (await Promise.race([reader.question('Code: ', { signal }), ended])).trim();
  } catch (error) {
    throw (error as Error).name === 'AbortError' ? tooLate(timeoutSeconds) : error;
  } finally {
    reader.close();
  }
}

async function codeFromBrowser(
  url: string,
  path: string,
  request: Readonly<Record<string, string>>,
  { timeoutSeconds, opensBrowser }: BrowserLogin,
): Promise<string> {
  const state = newVerifier();
  let timer: NodeJS.Timeout | undefined;
  let server: Server | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      timer = setTimeout(() => reject(tooLate(timeoutSeconds)), timeoutSeconds * 1_000);
      server = createServer((incoming, response) => {
        const asked = new URL(incoming.url ?? '/', 'http://127.0.0.1');
        // Any page can send a browser here; what it does not know is the state.
        const isOurs = asked.pathname === '/callback' && asked.searchParams.get('state') === state;
        if (!isOurs || incoming.method !== 'GET') return answer(response, 404, 'There is nothing here.');
        const code = asked.searchParams.get('code');
        answer(response, 200, code === null ? REFUSED : APPROVED);
        response.once('close', () => {
          if (code === null) reject(new FleetError('cli.login-refused'));
          else resolve(code);
        });
      });
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const { port } = server?.address() as AddressInfo;
        const address = addressOf(url, path, { ...request, port: String(port), state });
        process.stderr.write(`Sign in with your browser:\n  ${address}\n`);
        if (opensBrowser) openBrowser(address);
        else process.stderr.write('On another machine than this one? Use --paste.\n');
      });
    });
  } finally {
    clearTimeout(timer);
    server?.closeAllConnections();
    server?.close();
  }
}

const tooLate = (seconds: number) => new FleetError('cli.timeout', { what: 'Signing in', seconds });

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'",
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(`<!doctype html><title>TinyFleet</title><p>${text}</p>`);
}

/** Its failure is none: the address is on the terminal. */
function openBrowser(address: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler']
        : ['xdg-open'];
  const child = spawn(command, [...args, address], { stdio: 'ignore', detached: true });
  child.on('error', () =>
    process.stderr.write('No browser could be opened here: open the address yourself.\n'),
  );
  child.unref();
}

/** Without a screen a text browser would take over the terminal. */
export const hasScreen = (env: NodeJS.ProcessEnv = process.env): boolean =>
  process.platform === 'darwin' ||
  process.platform === 'win32' ||
  [env['DISPLAY'], env['WAYLAND_DISPLAY']].some((name) => name !== undefined && name !== '');
