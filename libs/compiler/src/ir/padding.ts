// A padded shape in as few dimensions as its order of elements needs.

/** Dimensions that a PAD step has. */
export const PAD_RANK = 5;

export interface PaddedDim {
  /** Input elements. */
  readonly n: number;
  readonly before: number;
  readonly after: number;
}

/** Neighbours become one where the inner one is not padded; of mirrored ones only where neither is. */
export function paddedDims(
  shape: readonly number[],
  around: { readonly before: readonly number[]; readonly after: readonly number[] },
  mirrored: boolean,
): PaddedDim[] {
  const dims: PaddedDim[] = [];
  shape.forEach((n, i) => {
    const [before, after] = [around.before[i]!, around.after[i]!];
    const last = dims.at(-1);
    const joins = last !== undefined && before + after === 0 && (!mirrored || last.before + last.after === 0);
    if (joins) dims[dims.length - 1] = { n: last.n * n, before: last.before * n, after: last.after * n };
    else dims.push({ n, before, after });
  });
  return dims;
}
