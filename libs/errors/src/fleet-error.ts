/**
 * The one error type of TinyFleet: a registered code and the data of its text. Domain code throws it; the HTTP
 * filter, the CLI and the MQTT side map it once each.
 */
import type { ErrorEntry } from './entry.js';
import { errors, type ErrorCode, type ErrorData } from './generated/errors.js';

/** RFC 9457 problem details, as the API answers. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  hint: string;
  data?: Record<string, unknown>;
}

/** Data beyond the placeholders may be added, such as a list of issues; it travels in `data`. */
type DataOf<C extends ErrorCode> = ErrorData[C] & Record<string, unknown>;
type Rest<C extends ErrorCode> = [keyof ErrorData[C]] extends [never]
  ? [data?: Record<string, unknown>, options?: ErrorOptions]
  : [data: DataOf<C>, options?: ErrorOptions];

const brand = Symbol.for('tinyfleet.error');

export class FleetError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly data: Readonly<Record<string, unknown>>;

  /** `options.cause` is logged, never shown to a user. */
  constructor(code: C, ...[data, options]: Rest<C>) {
    super(fill(errors[code].text, data ?? {}), options);
    this.name = 'FleetError';
    this.code = code;
    this.data = data ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  private get entry(): ErrorEntry {
    return errors[this.code];
  }
  get status(): number {
    return this.entry.status;
  }
  get title(): string {
    return this.entry.title;
  }
  /** The text with its placeholders filled; the same as `message`. */
  get detail(): string {
    return this.message;
  }
  get hint(): string {
    return fill(this.entry.hint, this.data);
  }
  get exitCode(): number {
    return this.entry.exit;
  }
  get transient(): boolean {
    return this.entry.transient;
  }
  /** What a device would report; undefined for codes of the server. */
  get number(): number | undefined {
    return this.entry.number;
  }

  toProblem(): ProblemDetails {
    return {
      type: `urn:tinyfleet:error:${this.code}`,
      title: this.title,
      status: this.status,
      code: this.code,
      detail: this.message,
      hint: this.hint,
      ...(Object.keys(this.data).length === 0 ? {} : { data: jsonSafe(this.data) }),
    };
  }
}

/** Also true for an instance of another copy of this module (Jest, worker threads with their own loader). */
export function isFleetError(value: unknown): value is FleetError {
  return value instanceof Error && brand in value;
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errors, value);
}

/** The row of a code, e.g. to map the code of an HTTP answer to an exit code. */
export function errorEntry(code: ErrorCode): ErrorEntry {
  return errors[code];
}

const byNumber = new Map<number, ErrorCode>(
  Object.entries(errors as Record<string, ErrorEntry>)
    .filter(([, entry]) => entry.number !== undefined)
    .map(([code, entry]) => [entry.number ?? 0, code as ErrorCode]),
);

/** The code a device means; undefined for a number of a newer firmware. Takes 501 and -501 alike. */
export function errorByNumber(number: number): ErrorCode | undefined {
  return byNumber.get(Math.abs(number));
}

/**
 * What to show for a number that a device reported: its own data is not known here, so placeholders that
 * `data` does not fill are shown as "?".
 */
export function describeDeviceError(
  number: number,
  data: Record<string, unknown> = {},
): { number: number; code: string; title: string; detail: string; hint: string } {
  const code = errorByNumber(number);
  if (code === undefined) {
    return {
      number,
      code: 'unknown',
      title: `Error ${number}`,
      detail: `The device reported error ${number}, which this TinyFleet does not know.`,
      hint: 'The firmware is newer than the server; update the server.',
    };
  }
  const entry: ErrorEntry = errors[code];
  return { number, code, title: entry.title, detail: fill(entry.text, data), hint: fill(entry.hint, data) };
}

function fill(text: string, data: Readonly<Record<string, unknown>>): string {
  return text.replace(/\{([A-Za-z][A-Za-z0-9]*)\}/g, (_, name: string) => {
    const value = data[name];
    if (value === undefined) return '?';
    if (Array.isArray(value)) return value.join(', ');
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  });
}

function jsonSafe(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]),
  );
}
