/** Structured logs (pino): to <data>/log/server.log, and to stdout when nobody supervises. Never a secret. */
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import { isFleetError } from '@tinyfleet/errors';
import { destination, multistream, pino, stdSerializers, type Logger } from 'pino';
import { LogFile } from './log-file.js';

export interface LogTarget {
  /** The data directory's log folder; undefined = stdout only. */
  readonly folder: string | undefined;
  readonly level: string;
  readonly stdout: boolean;
}

export function createLogger(target: LogTarget): Logger {
  const streams = [
    ...(target.folder
      ? [
          {
            level: target.level,
            // Not pino's own: with a full disk that one blocks the process for ever when it flushes.
            stream: new LogFile(join(target.folder, 'server.log')),
          },
        ]
      : []),
    ...(target.stdout ? [{ level: target.level, stream: destination({ dest: 1, sync: false }) }] : []),
  ] as Parameters<typeof multistream>[0];
  return pino(
    {
      level: target.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['token', 'password', 'secret', 'authorization', 'cookie', '*.token', '*.password', '*.secret'],
      serializers: { err: serializeError },
    },
    multistream(streams),
  );
}

function serializeError(error: Error): object {
  const plain = stdSerializers.err(error);
  return isFleetError(error) ? { ...plain, code: error.code, data: error.data } : plain;
}

/** Nest's own messages, at the level they deserve: its start-up chatter is debug. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}
  log(message: unknown, ...context: unknown[]): void {
    this.logger.debug({ context: context.at(-1) }, String(message));
  }
  error(message: unknown, ...context: unknown[]): void {
    this.logger.error({ context }, String(message));
  }
  warn(message: unknown, ...context: unknown[]): void {
    this.logger.warn({ context: context.at(-1) }, String(message));
  }
  debug(message: unknown): void {
    this.logger.trace(String(message));
  }
  verbose(message: unknown): void {
    this.logger.trace(String(message));
  }
}
