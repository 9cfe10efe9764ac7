// Ends child processes with this one, however it ends: a shell of a few hundred KB that knows their pids, waits for the
// end of its input, which is the end of this process, and kills what is left.
import { spawn, type ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';

const SCRIPT = `trap '' INT TERM HUP
kept=
while read -r sign pid; do
  rest=
  for one in $kept; do [ "$one" = "$pid" ] || rest="$rest $one"; done
  if [ "$sign" = + ]; then kept="$rest $pid"; else kept=$rest; fi
done
[ -z "$kept" ] || kill -9 $kept 2>/dev/null`;

let input: Writable | undefined;

function guardian(): Writable {
  if (input === undefined || input.destroyed) {
    const shell = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'] });
    shell.unref();
    input = shell.stdin;
    input.on('error', () => undefined);
    (input as Writable & { unref?: () => void }).unref?.();
  }
  return input;
}

/** The child is killed when this process is gone. */
export function guard(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  guardian().write(`+ ${pid}\n`);
  child.once('exit', () => guardian().write(`- ${pid}\n`));
}
