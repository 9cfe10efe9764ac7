/** What the broker's process sends to the processes whose callers listen to a device. */
import type { ListenBatch } from '@tinyfleet/storage';

/** Numbered from 0; a number that does not come was left out. `at`: Unix ms. */
export type Seen = { readonly n: number; readonly at: number } & (
  | { readonly kind: 'connected'; readonly address: string; readonly credential: 'token' | 'certificate' }
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'subscribed'; readonly topic: string; readonly qos: number }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly facts: Readonly<Record<string, string | number>>;
    }
  | {
      readonly kind: 'message';
      readonly direction: 'up' | 'down';
      readonly leaf: string;
      readonly qos: number;
      readonly will: boolean;
      /** Base64. */
      readonly payload: string;
    }
);
export type SeenKind = Seen extends infer S ? (S extends Seen ? Omit<S, 'n' | 'at'> : never) : never;

export interface SeenBatch extends ListenBatch {
  /** Unix ms: another one means that what was seen between is lost, and that numbers begin anew. */
  readonly since: number;
  readonly isConnected: boolean;
  readonly items: readonly Seen[];
  /** Number of what is seen next. */
  readonly next: number;
  /** So many listen already: this one does not. */
  readonly full?: number;
}
