// The fleet page in a browser that has never been here: compressed bytes of scripts, and when it can be used.
import { gzipSync } from 'node:zlib';

/** Without a long task for this long, a page that shows everything is interactive. */
const QUIET_MS = 1_000;

/** @returns {Promise<{ scriptBytes: number, scripts: number, shownMs: number, interactiveMs: number }>} */
export async function measureLoad({ newPage }, { product }) {
  const page = await newPage();
  try {
    await page.goto(`${product.url}/p/bench`);
    const times = await page.evaluate(async (quietMs) => {
      const shownMs = await window.bench.painted(() =>
        ['.tile-value', '.device-table tbody a', '.chart canvas'].every((part) =>
          document.querySelector(part),
        ),
      );
      const busyUntil = () => Math.max(shownMs, ...window.bench.longTasks.map(({ endMs }) => endMs));
      while (performance.now() - busyUntil() < quietMs) await new Promise((next) => setTimeout(next, 50));
      return { shownMs, interactiveMs: busyUntil() };
    }, QUIET_MS);
    const scripts = await page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .map(({ name }) => name)
        .filter((name) => name.endsWith('.js')),
    );
    const sizes = await Promise.all(
      [...new Set(scripts)].map(
        async (url) => gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length,
      ),
    );
    return { ...times, scripts: sizes.length, scriptBytes: sizes.reduce((a, b) => a + b, 0) };
  } finally {
    await page.context().close();
  }
}
