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

/** A diagnostic in words: what reports, the API and the CLI show. */
export interface ReportDiagnostic {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly op?: string;
  readonly tensor?: string;
}

export function describeDiagnostic(d: Diagnostic): ReportDiagnostic {
  const error = errorOf(d);
  return {
    severity: d.severity,
    code: d.code,
    message: error.message,
    hint: d.hint ?? error.hint,
    ...(d.op === undefined ? {} : { op: d.op }),
    ...(d.tensor === undefined ? {} : { tensor: d.tensor }),
  };
}

/** The error of the first fault; `data.diagnostics` describes them all, so it survives threads and the wire. */
export function failure(diagnostics: readonly Diagnostic[]): FleetError<CompilerCode> {
  return errorOf(diagnostics[0]!, { diagnostics: diagnostics.map(describeDiagnostic) });
}

export function fault(code: Diagnostic['code'], data: Diagnostic['data']): FleetError<CompilerCode> {
  return failure([{ code, severity: 'error', data }]);
}

/** The registry types each code's data; a diagnostic's are checked where the registry's texts are filled in tests. */
function errorOf({ code, data }: Diagnostic, more: Record<string, unknown> = {}): FleetError<CompilerCode> {
  return new FleetError<CompilerCode>(code, { ...data, ...more });
}
