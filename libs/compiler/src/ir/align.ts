// Rounding of sizes and offsets up to a boundary.
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
