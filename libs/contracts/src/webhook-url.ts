/** Addresses and secrets of what is told by HTTP: webhooks, and routes of alerts. */

/** Of secrets as people see them; the rest is base64, as Standard Webhooks has it. */
export const WEBHOOK_SECRET_PREFIX = 'whsec_';

/**
 * Why an address is refused; undefined: it is not.
 * @param allowPrivate http is taken, too
 */
export function webhookUrlRefusal(
  { username, password, protocol }: URL,
  allowPrivate: boolean,
): string | undefined {
  if (username !== '' || password !== '') return 'it holds a name or password';
  if (protocol !== 'https:' && !(protocol === 'http:' && allowPrivate))
    return `it begins with ${protocol}, not https:`;
  return undefined;
}
