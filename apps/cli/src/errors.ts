/** Every failure as the user reads it: what happened, its code, what to do; and the exit code. */
import { errorEntry, isErrorCode, isFleetError } from '@tinyfleet/errors';
import pc from 'picocolors';

export interface Failure {
  readonly message: string;
  readonly code: string;
  readonly hint: string | undefined;
  readonly exitCode: number;
  readonly data?: unknown;
}

const exitByStatus = (status: number) =>
  status === 401 || status === 403 ? 3 : status === 404 ? 4 : status === 409 ? 5 : status < 500 ? 6 : 7;

export function failureOf(error: unknown): Failure {
  if (isFleetError(error)) {
    const { message, code, hint, exitCode, data } = error;
    return { message, code, hint, exitCode, data };
  }
  if (isApiError(error)) {
    const known = isErrorCode(error.code) ? errorEntry(error.code) : undefined;
    return {
      message: error.message,
      code: error.code,
      hint: error.hint ?? hintOf(error.code, known?.hint),
      exitCode: known?.exit ?? exitByStatus(error.status),
      data: error.data,
    };
  }
  if (error instanceof Error && error.name === 'AbortError')
    return { message: 'Interrupted.', code: 'cli.interrupted', hint: undefined, exitCode: 130 };
  return {
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    code: 'cli.defect',
    hint: 'This is a defect in TinyFleet. Please report it with the lines above.',
    exitCode: 70,
  };
}

/** A hint from the table has placeholders that only the server could fill. */
function hintOf(code: string, hint: string | undefined): string | undefined {
  if (code === 'client.unreachable') return 'Start it with `npm start`, or name another server with --url.';
  return hint !== undefined && !hint.includes('{') ? hint : undefined;
}

/** By shape, so that the schemas need not be loaded to print an error. */
function isApiError(
  error: unknown,
): error is Error & { status: number; code: string; hint?: string; data?: Record<string, unknown> } {
  return error instanceof Error && error.name === 'ApiError' && 'code' in error && 'status' in error;
}

/** Longer lists are read with `--output json`, which has all of it. */
const MAX_ISSUES = 12;

export function renderFailure(failure: Failure): string {
  const lines = [`${pc.red('error')}  ${shortNames(failure.message)} ${pc.dim(`(${failure.code})`)}`];
  const issues = issuesOf(failure);
  for (const issue of issues.slice(0, MAX_ISSUES)) lines.push(`       ${pc.dim('-')} ${shortNames(issue)}`);
  if (issues.length > MAX_ISSUES)
    lines.push(`       ${pc.dim('-')} and ${issues.length - MAX_ISSUES} more: --output json shows them`);
  if (failure.hint !== undefined) lines.push(`       ${failure.hint}`);
  return lines.join('\n');
}

/** Converters name a fused node by all its parts, `a;b;c`: the first one finds it. */
function shortNames(text: string): string {
  return text.replace(/([^\s;()]+);[^\s,()]*[^\s,();:.]/g, '$1;…');
}

/** Validation issues and compiler diagnostics that say more than the message; each once. */
function issuesOf({ message: summary, code, data }: Failure): string[] {
  // Its message lists every operator already, by node.
  if (code === 'compiler.op-unsupported' || typeof data !== 'object' || data === null) return [];
  const { issues, diagnostics } = data as { issues?: unknown; diagnostics?: unknown };
  const list = Array.isArray(issues) ? issues : Array.isArray(diagnostics) ? diagnostics : [];
  const lines = list.map((issue: unknown) => {
    if (typeof issue !== 'object' || issue === null) return String(issue);
    const { path, message, op, tensor } = issue as Record<string, unknown>;
    const where = Array.isArray(path)
      ? path.join('.')
      : [path, op, tensor].find((w) => typeof w === 'string');
    const text = String(message);
    if (text === summary) return '';
    return typeof where !== 'string' || text.includes(where) ? text : `${where}: ${text}`;
  });
  return [...new Set(lines)].filter((line) => line !== '');
}
