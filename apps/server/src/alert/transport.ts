/** Carries one message to one target: by HTTP as webhooks do, or by SMTP. Neither reaches addresses that are not public. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { WEBHOOK_SECRET_PREFIX } from '@tinyfleet/contracts';
import type { AlertTarget } from '@tinyfleet/quality';
import type { AlertMessage } from '@tinyfleet/storage';
import { createTransport } from 'nodemailer';
import type { Config } from '../platform/config.js';
import { deliver, type DeliverOptions } from '../webhook/deliver.js';
import { PrivateAddressError, isPublicAddress, requirePublicHost } from '../webhook/public-address.js';
import { jsonOf, slackOf, subjectOf, textOf } from './message.js';

export interface TransportOptions extends DeliverOptions {
  /** Where people find the dashboard. */
  readonly publicUrl: string | undefined;
}
export const transportOptions = (config: Config): TransportOptions => ({
  timeoutMs: config['webhooks.timeoutMs'],
  allowPrivate: config['webhooks.allowPrivate'],
  snippetBytes: config['webhooks.answerBytes'],
  publicUrl: config['http.publicUrl'],
});

const DEFAULT_PORT = { 'smtp:': 587, 'smtps:': 465 } as const;

export class MessageTransport {
  constructor(private readonly options: TransportOptions) {}

  /** Null: it was taken. Never rejects: else it is why not. @param id the same for every attempt */
  async send(target: AlertTarget, message: AlertMessage, id: string): Promise<string | null> {
    const { publicUrl } = this.options;
    try {
      switch (target.kind) {
        case 'webhook': {
          const secret = Buffer.from(target.secret.slice(WEBHOOK_SECRET_PREFIX.length), 'base64');
          return (
            await deliver(
              { url: target.url, id, body: jsonOf(message, publicUrl), secrets: [secret] },
              this.options,
            )
          ).error;
        }
        case 'slack':
          return (
            await deliver(
              { url: target.url, id, body: slackOf(message, publicUrl), secrets: [] },
              this.options,
            )
          ).error;
        case 'email':
          await this.mail(target, message, id);
          return null;
      }
    } catch (error) {
      // It may quote the other side, and the database takes no NUL.
      return (error as Error).message.replaceAll('\0', '').slice(0, 500);
    }
  }

  private async mail(
    { server, from, to }: Extract<AlertTarget, { kind: 'email' }>,
    message: AlertMessage,
    id: string,
  ): Promise<void> {
    const url = new URL(server);
    const name = url.hostname.replace(/^\[|\]$/g, '');
    const { timeoutMs, publicUrl } = this.options;
    const transport = createTransport({
      // The address that was checked is the one that is connected to; the name is what its certificate has to say.
      host: await this.addressOf(url, name),
      port: Number(url.port) || DEFAULT_PORT[url.protocol as keyof typeof DEFAULT_PORT],
      secure: url.protocol === 'smtps:',
      ...(url.username === ''
        ? {}
        : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
      // A password goes over an encrypted connection only; beyond our own network everything does.
      requireTLS: url.username !== '' || !this.options.allowPrivate,
      tls: isIP(name) === 0 ? { servername: name } : {},
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      await transport.sendMail({
        from,
        to: [...to],
        subject: subjectOf(message),
        text: textOf(message, publicUrl),
        messageId: `<${id}@tinyfleet>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
        // The other limits are of silence: who says a little now and then would hold up everybody's alerts.
        signal: AbortSignal.timeout(3 * timeoutMs),
      });
    } finally {
      transport.close();
    }
  }

  /** @throws PrivateAddressError */
  private async addressOf(url: URL, name: string): Promise<string> {
    if (this.options.allowPrivate) return name;
    requirePublicHost(url);
    if (isIP(name) !== 0) return name;
    const addresses = await lookup(name, { all: true });
    const bad = addresses.find(({ address }) => !isPublicAddress(address));
    if (bad) throw new PrivateAddressError(name, bad.address);
    return addresses[0]?.address ?? name;
  }
}
