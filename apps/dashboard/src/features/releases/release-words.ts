/** What a release still lacks before it may go to devices, and its statement of provenance, read. */
import type { Resource } from '@tinyfleet/contracts';

type Release = Pick<Resource<'Release'>, 'state' | 'signedAt'>;

export const isOfferable = ({ state, signedAt }: Release): boolean =>
  signedAt !== null && (state === 'approved' || state === 'deprecated');

/** In the order in which it is done. Empty: nothing. */
export function missing({ state, signedAt }: Release): string[] {
  if (state === 'revoked') return [];
  return [
    ...(state === 'draft' ? ['validation: what its builds have shown'] : []),
    ...(state === 'draft' || state === 'validated' ? ['the approval of somebody who may'] : []),
    ...(signedAt === null ? ['a signature over the manifests of its device types'] : []),
  ];
}

export interface Provenance {
  readonly subjects: readonly { readonly name: string; readonly digest: string }[];
  readonly materials: readonly { readonly name: string; readonly role: string; readonly digest: string }[];
  readonly compiler: string;
  readonly requestedBy: string;
  readonly startedOn: string | null;
  readonly finishedOn: string | null;
}

interface Descriptor {
  readonly name?: string;
  readonly digest?: { readonly sha256?: string };
  readonly annotations?: { readonly role?: string };
}
interface Statement {
  readonly subject?: readonly Descriptor[];
  readonly predicate?: {
    readonly buildDefinition?: {
      readonly externalParameters?: { readonly requestedBy?: string };
      readonly resolvedDependencies?: readonly Descriptor[];
    };
    readonly runDetails?: {
      readonly builder?: { readonly version?: { readonly tinyfleet?: string } };
      readonly metadata?: { readonly startedOn?: string; readonly finishedOn?: string };
    };
  };
}

/** @param payload base64 of an in-toto statement. @returns undefined: it cannot be read */
export function readStatement(payload: string): Provenance | undefined {
  let statement: Statement;
  try {
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    statement = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Statement;
  } catch {
    return undefined;
  }
  const { buildDefinition, runDetails } = statement.predicate ?? {};
  const digestOf = (one: Descriptor): string => one.digest?.sha256 ?? '';
  return {
    subjects: (statement.subject ?? []).map((one) => ({ name: one.name ?? '', digest: digestOf(one) })),
    materials: (buildDefinition?.resolvedDependencies ?? []).map((one) => ({
      name: one.name ?? '',
      role: one.annotations?.role ?? '',
      digest: digestOf(one),
    })),
    compiler: runDetails?.builder?.version?.tinyfleet ?? '',
    requestedBy: buildDefinition?.externalParameters?.requestedBy ?? '',
    startedOn: runDetails?.metadata?.startedOn ?? null,
    finishedOn: runDetails?.metadata?.finishedOn ?? null,
  };
}
