// What the compiler tells its user: registered codes with data, collected so that one run shows every fault.
import { FleetError, type ErrorCode } from '@tinyfleet/errors';

/** Codes of libs/errors/messages/compiler.md. */
export type CompilerCode = Extract<ErrorCode, `compiler.${string}`>;

export interface Diagnostic {
  readonly code: CompilerCode;
  readonly severity: 'error' | 'warning';
  readonly data: Readonly<Record<string, string | number>>;
  /** The model's node and tensor it is about. */
  readonly op?: string;
  readonly tensor?: string;
  /** What to change in this very place, where we know more than the registry's text. */
  readonly hint?: string;
}

/** The error of the first fault; `data.diagnostics` has them all. */
export function failure(diagnostics: readonly Diagnostic[]): FleetError<CompilerCode> {
  const first = diagnostics[0]!;
  return new FleetError<CompilerCode>(first.code, { ...first.data, diagnostics });
}

export function fault(code: Diagnostic['code'], data: Diagnostic['data']): FleetError<CompilerCode> {
  return failure([{ code, severity: 'error', data }]);
}
