/** The file that lets `npx tinyfleet` on this machine work at once: URL and an administrator's token, 0600. */
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenService } from '@tinyfleet/auth';
import { directoryError } from '@tinyfleet/storage';

interface CliContext {
  url: string;
  token: string;
  project?: string;
}

/** Keeps the token of an earlier start when it is still good; what else is in the file stays. */
export async function writeCliContext(dataDir: string, url: string, tokens: TokenService): Promise<void> {
  const file = join(dataDir, 'cli-context.json');
  const known = await readContext(file);
  const good = known?.token !== undefined && (await tokens.isInstanceToken(known.token));
  if (good && known.url === url) return;
  const context: CliContext = {
    ...known,
    url,
    token: good && known.token ? known.token : await tokens.makeInstanceToken(),
  };
  try {
    const temporary = `${file}.new`;
    await writeFile(temporary, `${JSON.stringify(context, null, 2)}\n`, { mode: 0o600 });
    await chmod(temporary, 0o600);
    await rename(temporary, file);
  } catch (error) {
    throw directoryError(file, error);
  }
}

async function readContext(file: string): Promise<Partial<CliContext> | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Partial<CliContext>;
  } catch {
    return undefined;
  }
}
