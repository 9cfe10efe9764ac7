/** Asks before something is destroyed. Without a terminal, `--yes` is needed. */
import { createInterface } from 'node:readline/promises';
import { usage } from '../arguments.js';

export async function confirm(question: string, isYes: boolean | undefined): Promise<void> {
  if (isYes === true) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    usage(`${question} Add --yes to do it without a terminal.`);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await reader.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) usage('Nothing was changed.');
  } finally {
    reader.close();
  }
}

/** Reads a line from the terminal. */
export async function ask(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await reader.question(question)).trim();
  } finally {
    reader.close();
  }
}

/** Reads a line that is not shown. */
export async function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) {
    let text = '';
    for await (const chunk of stdin) text += String(chunk);
    return text.trim();
  }
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.resume();
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (error?: Error) => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.off('data', onData);
      stderr.write('\n');
      if (error) reject(error);
      else resolve(text);
    };
    const onData = (chunk: Buffer) => {
      for (const character of chunk.toString('utf8')) {
        if (character === '\r' || character === '\n') return end();
        if (character === '\u0003')
          return end(Object.assign(new Error('interrupted'), { name: 'AbortError' }));
        text = character === '\u007f' ? text.slice(0, -1) : text + character;
      }
    };
    stdin.on('data', onData);
  });
}
