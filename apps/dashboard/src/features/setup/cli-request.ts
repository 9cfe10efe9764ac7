/** What a command line that asks to be let in has put into the address, behind the #. */
export interface CliRequest {
  readonly challenge: string;
  readonly machine: string;
  readonly expiresInDays: number;
  /** Where it listens on this machine; undefined: the code is to be copied. */
  readonly port: number | undefined;
  readonly state: string;
}

/** Undefined when the address was cut or changed. */
export function parseCliRequest(fragment: string): CliRequest | undefined {
  const given = new URLSearchParams(fragment);
  const text = (name: string) => given.get(name) ?? '';
  const port = text('port') === '' ? undefined : Number(text('port'));
  const isGood =
    /^[\w-]{43}$/.test(text('challenge')) &&
    /^[a-z0-9][a-z0-9-]{0,39}$/.test(text('machine')) &&
    /^[1-9]\d{0,3}$/.test(text('days')) &&
    /^[\w-]{0,100}$/.test(text('state')) &&
    (port === undefined || (Number.isInteger(port) && port > 0 && port < 65_536));
  if (!isGood) return undefined;
  return {
    challenge: text('challenge'),
    machine: text('machine'),
    expiresInDays: Number(text('days')),
    port,
    state: text('state'),
  };
}

/** Only ever on this machine, whatever the address says. */
export function cliCallback(
  { port, state }: CliRequest,
  answer: { readonly code: string } | { readonly error: 'refused' },
): string | undefined {
  return port === undefined
    ? undefined
    : `http://127.0.0.1:${port}/callback?${new URLSearchParams({ ...answer, state }).toString()}`;
}
