/** Tells the supervisor (over IPC) or the terminal what the process does. Machine-readable one way, text the other. */
import type { SupervisedMessage } from '@tinyfleet/contracts';

export class Progress {
  private readonly supervised = typeof process.send === 'function';

  /** Runs one step and reports its begin, its end and the time between. */
  async step<T>(step: string, text: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    this.send({ event: 'progress', step, text, done: false });
    const result = await work();
    this.send({
      event: 'progress',
      step,
      text,
      done: true,
      elapsedMs: Math.round(performance.now() - started),
    });
    return result;
  }

  /** A detail inside a running step. */
  detail(step: string, text: string): void {
    this.send({ event: 'progress', step, text, done: false });
  }

  notice(text: string): void {
    this.send({ event: 'notice', text });
  }

  send(message: SupervisedMessage): void {
    if (this.supervised) {
      // The channel closes with the supervisor; main.ts stops on `disconnect`.
      process.send?.(message, undefined, undefined, () => {});
      return;
    }
    const text = asText(message);
    if (text !== undefined) process.stdout.write(`${text}\n`);
  }
}

function asText(message: SupervisedMessage): string | undefined {
  switch (message.event) {
    case 'progress':
      return message.done ? `${message.text}: ${message.elapsedMs} ms` : undefined;
    case 'notice':
      return message.text;
    case 'ready':
      return [
        `Ready${message.httpUrl ? ` at ${message.httpUrl}` : ''}${message.mqttUrl ? `, MQTT at ${message.mqttUrl}` : ''}`,
        ...(message.setupUrl ? [`Set up: ${message.setupUrl}`] : []),
      ].join('\n');
    case 'failed':
      return `${message.code}: ${message.message}${message.hint ? `\n${message.hint}` : ''}`;
  }
}
