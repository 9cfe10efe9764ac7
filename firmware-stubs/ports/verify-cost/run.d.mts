export interface VerifyCost {
  readonly accepted: boolean;
  /** To within 40. */
  readonly instructions: number;
  readonly stackBytes: number;
}
export function verifyCost(
  core: 'm3' | 'm4' | 'm7',
  vector: { readonly key: string; readonly signature: string; readonly message: string },
): Promise<VerifyCost>;
