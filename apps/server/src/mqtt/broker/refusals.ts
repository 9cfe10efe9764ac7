/** Why the broker refused: registered codes, counted for the metrics and told to whoever logs them. */
import type { ErrorCode } from '@tinyfleet/errors';

export type Refusal = Extract<ErrorCode, `mqtt.${string}`>;

/** What the text of a refusal names; values come from strangers and are cut. */
export type RefusalFacts = Readonly<Record<string, string | number>>;

export class Refusals {
  private readonly counts = new Map<Refusal, number>();

  constructor(private readonly tell: (code: Refusal, facts: RefusalFacts) => void = () => {}) {}

  add(code: Refusal, facts: RefusalFacts): void {
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
    this.tell(code, facts);
  }

  count(code: Refusal): number {
    return this.counts.get(code) ?? 0;
  }

  [Symbol.iterator](): Iterator<[Refusal, number]> {
    return this.counts.entries();
  }
}
