// What benches do with a product that runs as its user starts it: ask its API, read its metrics and its memory, wait.
import { readFileSync, readdirSync } from 'node:fs';

/** @param {{url: string, token: string}} product @returns a call of the API that throws what it refuses */
export const apiOf = (product) => async (method, path, body) => {
  const response = await fetch(`${product.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.code} ${answer.detail}`);
  return answer;
};

/** All pages of a list. @param {ReturnType<typeof apiOf>} api @param {string} path with its query */
export async function everyItem(api, path) {
  const items = [];
  let cursor;
  do {
    const more =
      cursor === undefined ? '' : `${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`;
    const page = await api('GET', `${path}${more}`);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && cursor !== undefined);
  return items;
}

/** A command of the CLI in a project. @throws Error with what it printed */
export const cliOf =
  (product, project) =>
  async (...args) => {
    const result = await product.cli('--project', project, ...args);
    if (result.code !== 0) throw new Error(`tinyfleet ${args.join(' ')}:\n${result.stdout}${result.stderr}`);
  };

/** One value of /metrics; 0 when it is not there yet. */
export async function metric(product, name) {
  const text = await (await fetch(`${product.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

export async function until(limitMs, probe, everyMs = 200) {
  const deadline = performance.now() + limitMs;
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Ids of a process and all below it; none where /proc is not. */
function treeOf(pid) {
  try {
    const children = new Map();
    for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const parent = Number(readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
        children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
      } catch {
        // It ended meanwhile.
      }
    }
    const below = (id) => [id, ...(children.get(id) ?? []).flatMap(below)];
    return below(pid);
  } catch {
    return [];
  }
}

const sumOver = (pid, value) =>
  treeOf(pid).reduce((sum, id) => {
    try {
      return sum + value(id);
    } catch {
      return sum;
    }
  }, 0);

/**
 * Memory of a process and all below it, MiB; 0 where /proc is not. Pages that several share count once (Pss): the buffers of
 * Postgres are in every one of its processes. The kernel walks all their pages: not many times a second.
 */
export const treeRssMib = (pid) =>
  Math.round(
    sumOver(
      pid,
      (id) =>
        Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1_024,
    ),
  );

/** Processor seconds of a process and all below it so far, ended children that were waited for included. */
export const treeCpuS = (pid) =>
  sumOver(pid, (id) => {
    const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
  });

/** Of one process alone; 0 where /proc is not. */
export const ownCpuS = (pid) => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
};
