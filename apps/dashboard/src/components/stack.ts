/** Cumulative sums for stacked areas; a gap counts as zero so that the layers above keep their place. */
export function stack(layers: readonly (readonly (number | null)[])[]): number[][] {
  const sums: number[][] = [];
  for (const layer of layers) {
    const below = sums.at(-1);
    sums.push(layer.map((value, at) => (value ?? 0) + (below?.[at] ?? 0)));
  }
  return sums;
}
