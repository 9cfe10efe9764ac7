/**
 * One supervised process: started in its own process group, so that Ctrl-C reaches the supervisor only and the
 * order of stopping is ours; told to stop over IPC, then by SIGTERM, then by SIGKILL.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { SupervisedMessage, SupervisorMessage } from '@tinyfleet/contracts';
import { isRecord } from '../../record.js';

export interface ChildOptions {
  readonly name: string;
  readonly entry: string;
  readonly args?: readonly string[];
  readonly nodeFlags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly onMessage: (message: SupervisedMessage) => void;
  /** The process has ended by itself or after `stop`. */
  readonly onExit: (ending: Ending) => void;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** `stop` or `kill` was called. */
  readonly wasAsked: boolean;
}

/** Lines kept to show when a process fails. */
const KEPT_LINES = 40;

export class Child {
  private readonly process: ChildProcess;
  private wasAsked = false;
  private readonly kept: string[] = [];
  readonly ended: Promise<Ending>;

  constructor(options: ChildOptions) {
    this.process = spawn(
      process.execPath,
      [...(options.nodeFlags ?? []), options.entry, ...(options.args ?? [])],
      {
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
        // Standard output of a supervised process repeats what it sends over IPC.
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        detached: true,
      },
    );
    let partial = '';
    this.process.stderr?.on('data', (chunk: Buffer) => {
      const lines = (partial + chunk.toString()).split('\n');
      partial = lines.pop() ?? '';
      this.kept.push(...lines.filter((line) => line.trim() !== ''));
      this.kept.splice(0, Math.max(0, this.kept.length - KEPT_LINES));
    });
    this.process.on('message', (message: unknown) => {
      if (isRecord(message) && typeof message['event'] === 'string')
        options.onMessage(message as unknown as SupervisedMessage);
    });
    this.ended = new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null) => {
        if (partial.trim() !== '') this.kept.push(partial);
        partial = '';
        resolve({ code, signal, wasAsked: this.wasAsked });
      };
      // 'close' comes after the pipes have ended, so the last lines are there.
      this.process.once('close', finish);
      this.process.once('error', () => finish(70, null));
    });
    void this.ended.then(options.onExit);
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** What it last wrote to standard error. */
  get lastLines(): readonly string[] {
    return this.kept;
  }

  private get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Resolves when it has ended, at the latest some seconds after `graceMs`. */
  async stop(graceMs: number): Promise<Ending> {
    this.wasAsked = true;
    if (this.isRunning) {
      const message: SupervisorMessage = { command: 'stop' };
      if (this.process.connected) this.process.send(message, () => undefined);
      else this.process.kill('SIGTERM');
    }
    const asked = setTimeout(() => this.process.kill('SIGTERM'), graceMs);
    const forced = setTimeout(() => this.kill(), graceMs + 5_000);
    const ending = await this.ended;
    clearTimeout(asked);
    clearTimeout(forced);
    return ending;
  }

  kill(): void {
    this.wasAsked = true;
    if (this.isRunning) this.process.kill('SIGKILL');
  }
}
