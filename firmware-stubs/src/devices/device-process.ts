// One device as a child process: its output by lines, and an end that comes. It is tied by its standard input, which the
// system closes when this process dies in any way, so it cannot outlive it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { RunningDevice, RunOptions } from './runner.js';

const PATIENCE_MS = 5_000;

/** @param args must tell the program to end with its standard input */
export function startProcess(
  program: string,
  args: readonly string[],
  { line }: Pick<RunOptions, 'line'>,
): RunningDevice {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = [child.stdout, child.stderr].map((input) => {
    const reader = createInterface({ input });
    reader.on('line', line);
    return new Promise<void>((resolve) => reader.once('close', resolve));
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      // Its last words first.
      void Promise.all(lines).then(() => resolve(code));
    });
  });
  // Whoever awaits it sees the failure; nobody may.
  ended.catch(() => undefined);
  return {
    pid: child.pid,
    ended,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      await ended.catch(() => undefined);
      clearTimeout(timer);
    },
  };
}
