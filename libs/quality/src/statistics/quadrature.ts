/** Gauss-Legendre quadrature and a dense linear solver: what integral equations of run lengths need. */

/** Nodes and weights on low..high; exact for polynomials of degree 2n - 1. Newton's method on the Legendre polynomial. */
export function gaussLegendre(
  n: number,
  low: number,
  high: number,
): { readonly nodes: Float64Array; readonly weights: Float64Array } {
  const [nodes, weights] = [new Float64Array(n), new Float64Array(n)];
  const [middle, half] = [(low + high) / 2, (high - low) / 2];
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let round = 0; round < 50; round++) {
      let [before, value] = [1, x];
      for (let d = 2; d <= n; d++)
        [before, value] = [value, ((2 * d - 1) * x * value - (d - 1) * before) / d];
      slope = (n * (x * value - before)) / (x * x - 1);
      const change = value / slope;
      x -= change;
      if (Math.abs(change) < 1e-15) break;
    }
    nodes[i] = middle - half * x;
    weights[i] = (2 * half) / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}

/**
 * Gaussian elimination with partial pivoting. Both arguments are overwritten.
 * @param matrix row-major, n x n, not singular
 */
export function solveLinear(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++)
      if (Math.abs(matrix[row * n + column]!) > Math.abs(matrix[pivot * n + column]!)) pivot = row;
    if (pivot !== column) {
      for (let j = column; j < n; j++) {
        const kept = matrix[column * n + j]!;
        matrix[column * n + j] = matrix[pivot * n + j]!;
        matrix[pivot * n + j] = kept;
      }
      const kept = right[column]!;
      right[column] = right[pivot]!;
      right[pivot] = kept;
    }
    const head = matrix[column * n + column]!;
    for (let row = column + 1; row < n; row++) {
      const factor = matrix[row * n + column]! / head;
      if (factor === 0) continue;
      for (let j = column; j < n; j++) matrix[row * n + j]! -= factor * matrix[column * n + j]!;
      right[row]! -= factor * right[column]!;
    }
  }
  for (let row = n - 1; row >= 0; row--) {
    let sum = right[row]!;
    for (let j = row + 1; j < n; j++) sum -= matrix[row * n + j]! * right[j]!;
    right[row] = sum / matrix[row * n + row]!;
  }
  return right;
}
