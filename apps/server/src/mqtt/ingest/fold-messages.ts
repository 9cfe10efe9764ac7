/** What an edge and its thread of rollups say to each other. */
export type FoldMessage =
  /** The windows of a batch as they were sent, which the next fold then need not read. */
  | { readonly kind: 'keep'; readonly batchId: string; readonly bytes: Uint8Array }
  | { readonly kind: 'fold'; readonly maxBatches: number };

/** Of a fold; `oversized` counts from the start of the thread. */
export type FoldAnswer =
  | { readonly kind: 'folded'; readonly isMore: boolean; readonly oversized: number }
  | { readonly kind: 'failed'; readonly message: string };
