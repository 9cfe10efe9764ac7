/**
 * Isotonic regression: the non-decreasing step function nearest to the observations (pool adjacent violators: Ayer et al. 1955; for
 * calibration Zadrozny and Elkan 2002), and between its knots a straight line.
 */
export interface Isotonic {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export function fitIsotonic(
  x: readonly number[],
  y: readonly number[],
  weights?: readonly number[],
): Isotonic {
  const order = x.map((_, i) => i).sort((a, b) => x[a]! - x[b]!);
  const blocks: { sum: number; weight: number; from: number; to: number }[] = [];
  for (const i of order) {
    const weight = weights?.[i] ?? 1;
    blocks.push({ sum: y[i]! * weight, weight, from: x[i]!, to: x[i]! });
    for (let last = blocks.length - 1; last > 0; last--) {
      const [before, after] = [blocks[last - 1]!, blocks[last]!];
      if (before.sum * after.weight < after.sum * before.weight && before.to < after.from) break;
      blocks.splice(last - 1, 2, {
        sum: before.sum + after.sum,
        weight: before.weight + after.weight,
        from: before.from,
        to: after.to,
      });
    }
  }
  const knots = blocks.flatMap(({ sum, weight, from, to }) =>
    (from === to ? [from] : [from, to]).map((at) => ({ at, value: sum / weight })),
  );
  return { x: knots.map(({ at }) => at), y: knots.map(({ value }) => value) };
}

/** Outside the knots the nearest one's value. */
export function predictIsotonic({ x, y }: Isotonic, at: number): number {
  if (x.length === 0) return NaN;
  const right = x.findIndex((knot) => knot >= at);
  if (right <= 0) return right === 0 ? y[0]! : y.at(-1)!;
  const share = (at - x[right - 1]!) / (x[right]! - x[right - 1]!);
  return y[right - 1]! + share * (y[right]! - y[right - 1]!);
}
