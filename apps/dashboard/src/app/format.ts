/** Numbers, sizes, durations and times as people read them. Units always shown. */

const INTEGER = new Intl.NumberFormat('en-GB');

export function formatInteger(value: number): string {
  return INTEGER.format(value);
}

/** 53936 -> "52.7 KiB"; below 1,024 plain bytes. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB'];
  let value = bytes / 1_024;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : value.toFixed(value < 100 ? 1 : 0)} ${units[unit] ?? ''}`;
}

/** Share 0..1 -> "97.3 %". */
export function formatPercent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** 2656768 -> "2.66 M". */
export function formatCount(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return formatInteger(value);
}

/** Milliseconds -> "12 s", "3 min", "5 h", "14 d". */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** "12 s ago", "in 3 min". */
export function formatRelative(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime();
  if (Math.abs(ms) < 1_500) return 'now';
  return ms > 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(-ms)}`;
}

/** First eight digits of a digest; the whole stands in a tooltip. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 8);
}

/** Who did it, as stored (`person:ada@example.org`, `token:ci`), as people say it. */
export function formatActor(actor: string): string {
  return actor.replace(/^person:/, '').replace(/^token:/, 'token ');
}

/** Length of a bucket: 3600 -> "1 h". */
export function formatBucket(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
