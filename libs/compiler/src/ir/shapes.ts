// Output extents, padding of windows and broadcasting. TFLite's formulas; used by the builder, the frontends (SAME/VALID
// to explicit padding) and the verifier.
import type { Padding, Window2d } from './ops/spec.js';

export type PaddingScheme = 'same' | 'valid';

const NO_PADDING: Padding = { top: 0, left: 0, bottom: 0, right: 0 };

export interface WindowExtent {
  readonly filterH: number;
  readonly filterW: number;
  readonly dilationH?: number;
  readonly dilationW?: number;
}

/** Span of a dilated filter in input elements. */
function span(filter: number, dilation: number): number {
  return (filter - 1) * dilation + 1;
}

function along(
  input: number,
  filter: number,
  stride: number,
  scheme: PaddingScheme,
): [number, number, number] {
  if (scheme === 'valid') return [Math.floor((input - filter + stride) / stride), 0, 0];
  const output = Math.floor((input + stride - 1) / stride);
  const total = Math.max(0, (output - 1) * stride + filter - input);
  const before = total >> 1;
  return [output, before, total - before];
}

/** Explicit padding and output extents [h, w] of a TFLite SAME or VALID window. An extent <= 0 means no output. */
export function resolvePadding(
  input: { readonly h: number; readonly w: number },
  window: WindowExtent & { readonly strideH: number; readonly strideW: number },
  scheme: PaddingScheme,
): { h: number; w: number; padding: Padding } {
  const filterH = span(window.filterH, window.dilationH ?? 1);
  const filterW = span(window.filterW, window.dilationW ?? 1);
  const [h, top, bottom] = along(input.h, filterH, window.strideH, scheme);
  const [w, left, right] = along(input.w, filterW, window.strideW, scheme);
  return { h, w, padding: scheme === 'valid' ? NO_PADDING : { top, left, bottom, right } };
}

/** Output extents [h, w] of a window with explicit padding. */
export function windowOutput(
  input: { readonly h: number; readonly w: number },
  window: Window2d & WindowExtent,
): { h: number; w: number } {
  const { padding } = window;
  const h = input.h + padding.top + padding.bottom - span(window.filterH, window.dilationH ?? 1);
  const w = input.w + padding.left + padding.right - span(window.filterW, window.dilationW ?? 1);
  return { h: Math.floor(h / window.strideH) + 1, w: Math.floor(w / window.strideW) + 1 };
}

/** Distance in elements between neighbours along each dimension. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((n, extent) => n * extent, 1));
}

/** The common shape of two operands by NumPy's rule, or null when they have none. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const p = a[a.length - rank + i] ?? 1;
    const q = b[b.length - rank + i] ?? 1;
    if (p !== q && p !== 1 && q !== 1) return null;
    shape.push(Math.max(p, q));
  }
  return shape;
}
