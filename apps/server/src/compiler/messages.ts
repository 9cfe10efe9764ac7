/** What the compiler role and its worker threads say to each other. Bytes are transferred, not copied. */
import type { BundleNeeds, PayloadJob } from '@tinyfleet/releases';
import type { ModelContract } from '@tinyfleet/registry';

export type WorkerRequest =
  | {
      readonly kind: 'inspect';
      readonly fileName: string;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'compile';
      readonly fileName: string;
      readonly bytes: Uint8Array;
      /** CompileOptions of @tinyfleet/compiler; validation files are bytes. */
      readonly options: Readonly<Record<string, unknown>>;
    }
  | ({ readonly kind: 'payload' } & PayloadJob);

export type WorkerReply =
  | { readonly kind: 'progress'; readonly stage: string; readonly progress: number }
  | {
      readonly kind: 'inspected';
      readonly format: string;
      readonly contract: ModelContract;
      readonly inspection: Record<string, unknown>;
    }
  | {
      readonly kind: 'compiled';
      readonly bundle: Uint8Array;
      readonly report: Record<string, unknown>;
      readonly needs: BundleNeeds;
    }
  | { readonly kind: 'encoded'; readonly payload: Uint8Array }
  /** A registered error: code and data survive the thread, the class does not. */
  | { readonly kind: 'failed'; readonly code: string; readonly data: Record<string, unknown> }
  | { readonly kind: 'broken'; readonly message: string };
