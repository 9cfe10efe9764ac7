/**
 * The log's file: lines are appended in order (but for a last flush), without waiting. A full disk never stops or ends the server: lines
 * wait in memory up to a limit, further ones are dropped and counted. It does not rotate.
 */
import { closeSync, mkdirSync, openSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface LogFileOptions {
  /** Lines in memory while the file cannot be written, in characters. Default 1 Mi. */
  readonly limit?: number;
  /** Time between two attempts. Default 1,000. */
  readonly retryMs?: number;
}

export class LogFile {
  private fd: number | undefined;
  private waiting: string[] = [];
  private waitingLength = 0;
  private isWriting = false;
  private isClosed = false;
  private dropped = 0;
  private retry: NodeJS.Timeout | undefined;
  private readonly limit: number;
  private readonly retryMs: number;
  private readonly atExit = () => this.flushSync();

  constructor(
    private readonly path: string,
    options: LogFileOptions = {},
  ) {
    this.limit = options.limit ?? 1024 * 1024;
    this.retryMs = options.retryMs ?? 1_000;
    process.on('exit', this.atExit);
  }

  write(line: string): void {
    if (this.waitingLength + line.length > this.limit) {
      this.dropped += 1;
      return;
    }
    this.waiting.push(line);
    this.waitingLength += line.length;
    this.drain();
  }

  /** One attempt to write what waits, e.g. before the process ends. */
  flushSync(): void {
    // A write at work holds its own lines, in the kernel's hands or on their way: they may land after these.
    try {
      const text = this.take();
      if (text !== '') writeSync(this.open(), text);
    } catch {
      // The lines are lost: there is no room for them, and no time to wait for it.
    }
  }

  close(): void {
    this.isClosed = true;
    process.off('exit', this.atExit);
    clearTimeout(this.retry);
    this.flushSync();
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private drain(): void {
    if (this.isWriting || this.retry !== undefined || this.waiting.length === 0) return;
    const bytes = Buffer.from(this.take());
    this.isWriting = true;
    this.writeAll(bytes, 0, (written) => {
      this.isWriting = false;
      if (this.isClosed) return;
      if (written === bytes.length) return this.drain();
      // Back to the front, without what has been written.
      this.waiting.unshift(bytes.subarray(written).toString());
      this.waitingLength += bytes.length - written;
      this.retry = setTimeout(() => {
        this.retry = undefined;
        this.reopen();
        this.drain();
      }, this.retryMs).unref();
    });
  }

  private take(): string {
    const { dropped } = this;
    let text = this.waiting.join('');
    if (text !== '' && dropped > 0) {
      const note = { level: 40, time: new Date().toISOString(), dropped, msg: 'log lines dropped' };
      text += `${JSON.stringify(note)}\n`;
      this.dropped = 0;
    }
    this.waiting = [];
    this.waitingLength = 0;
    return text;
  }

  private writeAll(bytes: Buffer, from: number, done: (written: number) => void): void {
    let fd: number;
    try {
      fd = this.open();
    } catch {
      return void setImmediate(done, from);
    }
    write(fd, bytes, from, bytes.length - from, null, (error, count) => {
      if (error) return done(from);
      const written = from + count;
      if (written === bytes.length || count === 0) return done(written);
      this.writeAll(bytes, written, done);
    });
  }

  private open(): number {
    if (this.fd !== undefined) return this.fd;
    mkdirSync(dirname(this.path), { recursive: true });
    return (this.fd = openSync(this.path, 'a'));
  }

  /** The file may have been moved away to make room. */
  private reopen(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }
}
