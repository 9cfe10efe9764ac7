/**
 * Colours of heat maps, told apart by everybody: one hue by lightness for "how much", blue to vermilion (Okabe and Ito 2008) over the
 * page's own tone for "which way". On dark pages more is brighter, on light ones darker.
 */
type Scheme = 'light' | 'dark';
type Rgb = readonly [number, number, number];

const GROUND: Readonly<Record<Scheme, Rgb>> = { light: [237, 241, 244], dark: [46, 50, 54] };
const MUCH: Readonly<Record<Scheme, readonly Rgb[]>> = {
  light: [
    [156, 197, 226],
    [51, 128, 188],
    [8, 62, 110],
  ],
  dark: [
    [28, 84, 124],
    [60, 145, 204],
    [186, 226, 250],
  ],
};
const LESS: Readonly<Record<Scheme, Rgb>> = { light: [20, 100, 160], dark: [96, 182, 240] };
const MORE: Readonly<Record<Scheme, Rgb>> = { light: [196, 78, 0], dark: [240, 130, 60] };

/** @param share 0..1, beyond it as its end */
export function sequential(share: number, scheme: Scheme): string {
  const stops = [GROUND[scheme], ...MUCH[scheme]];
  const place = clamp(share, 0, 1) * (stops.length - 1);
  const from = Math.min(stops.length - 2, Math.floor(place));
  return css(mix(stops[from]!, stops[from + 1]!, place - from));
}

/** @param share -1..1: less is blue, more is vermilion */
export function diverging(share: number, scheme: Scheme): string {
  const end = share < 0 ? LESS[scheme] : MORE[scheme];
  return css(mix(GROUND[scheme], end, clamp(Math.abs(share), 0, 1)));
}

/** Black or white, what reads better on it (relative luminance, WCAG 2). */
export function inkOn(color: string): string {
  const [r = 0, g = 0, b = 0] = (color.match(/\d+/g) ?? []).map((part) => {
    const channel = Number(part) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (luminance + 0.05) ** 2 > 1.05 * 0.05 ? '#000000' : '#ffffff';
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
const mix = (a: Rgb, b: Rgb, t: number): Rgb =>
  [0, 1, 2].map((i) => a[i]! + (b[i]! - a[i]!) * t) as unknown as Rgb;
const css = (color: Rgb): string => `rgb(${color.map((part) => Math.round(part)).join(', ')})`;
