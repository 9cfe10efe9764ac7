/** A chart of the page as a PNG: its canvas or its drawing, below a title and a legend, on the page's own background. */

export interface Legend {
  readonly label: string;
  readonly color: string;
}

interface Frame {
  readonly title: string;
  readonly about?: string | undefined;
  readonly legend?: readonly Legend[] | undefined;
}

/** Pixels of the file for one of the page: sharp in print. */
const SCALE = 2;
const PAD = 20;
const FONT = 'system-ui, sans-serif';
/** What a drawing gets from style sheets; a file has none. */
const STYLES = [
  ...['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linecap', 'opacity'],
  ...['font-family', 'font-size', 'font-weight', 'text-anchor', 'dominant-baseline', 'visibility', 'display'],
];

/** @throws Error when the element holds neither a canvas nor a drawing */
export async function pictureOf(box: HTMLElement, frame: Frame): Promise<Blob> {
  const drawing = box.querySelector('canvas') ?? box.querySelector<SVGSVGElement>('svg[role="img"]');
  if (drawing === null) throw new Error('There is no chart to draw.');
  const { width, height } = drawing.getBoundingClientRect();
  const image = drawing instanceof HTMLCanvasElement ? drawing : await rendered(drawing, width, height);
  const style = getComputedStyle(document.body);
  const entries = frame.legend ?? [];
  const top = PAD + 24 + (frame.about === undefined ? 0 : 20) + 8;
  const canvas = document.createElement('canvas');
  const rows = entries.length === 0 ? 0 : Math.ceil(entries.length / columnsOf(width));
  canvas.width = (width + 2 * PAD) * SCALE;
  canvas.height = (top + height + rows * 22 + PAD + (rows > 0 ? 8 : 0)) * SCALE;
  const ink = canvas.getContext('2d');
  if (ink === null) throw new Error('This browser draws no pictures.');
  ink.scale(SCALE, SCALE);
  ink.fillStyle = style.backgroundColor;
  ink.fillRect(0, 0, canvas.width, canvas.height);
  ink.fillStyle = style.color;
  ink.textBaseline = 'top';
  ink.font = `600 17px ${FONT}`;
  ink.fillText(frame.title, PAD, PAD);
  if (frame.about !== undefined) {
    ink.font = `13px ${FONT}`;
    ink.globalAlpha = 0.75;
    ink.fillText(frame.about, PAD, PAD + 24, width);
    ink.globalAlpha = 1;
  }
  ink.drawImage(image, PAD, top, width, height);
  drawLegend(ink, entries, { left: PAD, top: top + height + 8, width });
  return await new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error('It is too large.')) : resolve(blob)));
  });
}

const columnsOf = (width: number): number => Math.max(1, Math.floor(width / 190));

function drawLegend(
  ink: CanvasRenderingContext2D,
  entries: readonly Legend[],
  at: { left: number; top: number; width: number },
): void {
  const columns = columnsOf(at.width);
  const text = ink.fillStyle;
  ink.font = `13px ${FONT}`;
  entries.forEach(({ label, color }, i) => {
    const x = at.left + (i % columns) * (at.width / columns);
    const y = at.top + Math.floor(i / columns) * 22;
    ink.fillStyle = color;
    ink.fillRect(x, y + 2, 11, 11);
    ink.fillStyle = text;
    ink.fillText(label, x + 18, y, at.width / columns - 24);
  });
}

async function rendered(drawing: SVGSVGElement, width: number, height: number): Promise<HTMLImageElement> {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const [from, to] = [drawing, copy].map((root) => [root, ...root.querySelectorAll<SVGElement>('*')]);
  from?.forEach((element, i) => {
    const computed = getComputedStyle(element);
    const style = STYLES.map((name) => `${name}:${computed.getPropertyValue(name)}`).join(';');
    to?.[i]?.setAttribute('style', style);
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(width * SCALE));
  copy.setAttribute('height', String(height * SCALE));
  if (!copy.hasAttribute('viewBox')) copy.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}

/** As a file of that name. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
