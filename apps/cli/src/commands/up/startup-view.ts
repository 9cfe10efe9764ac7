/** The start-up as a person reads it: one line per step with its time; the running step turns on a terminal. */
import pc from 'picocolors';
import { duration } from '../../output/format.js';
import { clip, lineWidth } from '../../output/live.js';

const FRAMES = ['-', '\\', '|', '/'];

export class StartupView {
  private readonly open = new Map<string, { text: string; since: number }>();
  private timer: NodeJS.Timeout | undefined;
  private frame = 0;
  private isDrawn = false;
  private readonly isTerminal: boolean;

  constructor(private readonly stream: NodeJS.WriteStream = process.stdout) {
    this.isTerminal = stream.isTTY && process.env['TERM'] !== 'dumb';
  }

  progress(step: string, text: string): void {
    const known = this.open.get(step);
    this.open.set(step, { text, since: known?.since ?? performance.now() });
    // A log has no moving line: say what takes long when it begins.
    if (!this.isTerminal) return;
    this.timer ??= setInterval(() => this.draw(), 120);
    this.draw();
  }

  done(step: string, text: string, elapsedMs?: number): void {
    const since = this.open.get(step)?.since;
    this.open.delete(step);
    const took = elapsedMs ?? (since === undefined ? undefined : performance.now() - since);
    this.line(`  ${pc.green('ok')}  ${text}${took === undefined ? '' : pc.dim(`  ${duration(took)}`)}`);
  }

  notice(text: string): void {
    this.line(`  ${pc.yellow('--')}  ${text}`);
  }

  /** A line above whatever is running. */
  line(text: string): void {
    this.erase();
    this.stream.write(`${text}\n`);
    this.draw();
  }

  /** Steps that did not end are forgotten: the caller says why. */
  close(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.erase();
    this.open.clear();
  }

  private draw(): void {
    const current = [...this.open.values()].at(-1);
    if (!this.isTerminal || current === undefined) {
      if (current === undefined) this.erase();
      return;
    }
    this.frame = (this.frame + 1) % FRAMES.length;
    const seconds = Math.floor((performance.now() - current.since) / 1_000);
    const text = `  ${FRAMES[this.frame]}   ${current.text}${seconds > 1 ? `  ${seconds} s` : ''}`;
    this.stream.write(`\r\u001b[K${clip(text, lineWidth(this.stream))}`);
    this.isDrawn = true;
  }

  private erase(): void {
    if (this.isDrawn) this.stream.write('\r\u001b[K');
    this.isDrawn = false;
  }
}
