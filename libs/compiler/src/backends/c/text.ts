// Pieces of C text.

/** A string literal; what is not printable ASCII as octal escapes, which end after three digits. */
export function stringLiteral(text: string): string {
  const body = [...new TextEncoder().encode(text)].map((byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    // "??" would start a trigraph.
    if (byte < 0x20 || byte > 0x7e || byte === 0x3f) return `\\${byte.toString(8).padStart(3, '0')}`;
    return String.fromCharCode(byte);
  });
  return `"${body.join('')}"`;
}

/** Text that is safe inside a line comment: one line, no backslash at its end, at most 100 characters. */
export function comment(text: string): string {
  return text.replace(/[^\x20-\x7e]|\\/g, '?').slice(0, 100);
}

/** Bytes as initializers, `columns` to a line, without the braces. */
export function initializers(bytes: Uint8Array, columns = 24): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += columns)
    lines.push(`    ${Array.from(bytes.subarray(at, at + columns)).join(', ')},`);
  return lines.join('\n');
}

/** A float constant that a C compiler reads back as the same binary32. */
export function floatLiteral(value: number): string {
  const text = Math.fround(value).toPrecision(9);
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
}
