/** A block of lines that is redrawn in place on a terminal; elsewhere only what changed is printed, as lines. */
export class LiveView {
  private drawn = 0;
  private lastText = '';
  private readonly isTerminal: boolean;

  constructor(private readonly stream: NodeJS.WriteStream = process.stderr) {
    this.isTerminal = stream.isTTY && process.env['TERM'] !== 'dumb';
  }

  /** `plain` is the line for logs and pipes, printed when it changes. */
  draw(lines: readonly string[], plain: string): void {
    if (!this.isTerminal) {
      if (plain !== this.lastText) this.stream.write(`${plain}\n`);
      this.lastText = plain;
      return;
    }
    const cut = lines.map((line) => clip(line, lineWidth(this.stream)));
    this.stream.write(`${this.rewind()}${cut.join('\n')}\n`);
    this.drawn = cut.length;
  }

  /** Leaves what is drawn and starts a new block below. */
  done(): void {
    this.drawn = 0;
  }

  clear(): void {
    if (this.isTerminal) this.stream.write(this.rewind());
    this.drawn = 0;
  }

  private rewind(): string {
    return this.drawn === 0 ? '' : `\u001b[${this.drawn}A\r\u001b[J`;
  }
}

/** Characters of a line that is redrawn; a pseudo-terminal may not know its width and says 0. */
export function lineWidth(stream: NodeJS.WriteStream): number {
  return (stream.columns > 0 ? stream.columns : 80) - 1;
}

/** Cuts to `limit` visible characters, escape sequences not counted. */
export function clip(text: string, limit: number): string {
  let visible = 0;
  let out = '';

  for (const part of text.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b[')) {
      out += part;
      continue;
    }
    const characters = [...part];
    const room = Math.max(0, limit - visible);
    out += characters.slice(0, room).join('');
    visible += Math.min(room, characters.length);
  }
  return out;
}
