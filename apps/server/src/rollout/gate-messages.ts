/** What this process and its thread of gates say to each other. */
import type { GateJudgement, OpenRollout } from '@tinyfleet/rollouts';

export interface GateQuestion {
  readonly id: number;
  readonly project: { readonly id: string; readonly name: string };
  readonly rollout: OpenRollout;
}

export type GateAnswer =
  | { readonly kind: 'judged'; readonly id: number; readonly judgement: GateJudgement | undefined }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly code: string;
      readonly data: Record<string, unknown>;
    }
  | { readonly kind: 'broken'; readonly id: number; readonly message: string };
