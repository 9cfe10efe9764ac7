// The table of devices, wheeled from its first row to its last: rows come as one scrolls, and stay.
import { DEVICES } from './fleet.mjs';

const WHEEL_PX = 3_000;
const EVERY_MS = 16;
const LIMIT_MS = 300_000;

/** @returns {Promise<{ rows: number, seconds: number, frames: number[] }>} frames in milliseconds */
export async function measureScroll({ newPage }, { product }, rows = DEVICES) {
  const page = await newPage();
  try {
    await page.goto(`${product.url}/p/bench`);
    await page.locator('.device-table tbody a').first().waitFor();
    await page.mouse.move(640, 700);
    await page.evaluate(() => window.bench.startFrames());
    const started = performance.now();
    let read = 0;
    while (read < rows) {
      if (performance.now() - started > LIMIT_MS) throw new Error(`only ${read} rows were read`);
      const until = performance.now() + 500;
      while (performance.now() < until) {
        await page.mouse.wheel(0, WHEEL_PX);
        await new Promise((next) => setTimeout(next, EVERY_MS));
      }
      read = await page.evaluate((most) => {
        const table = document.querySelector('.device-table tbody');
        return Math.min(most, Math.round(table.getBoundingClientRect().height / 36));
      }, rows);
    }
    const frames = await page.evaluate(() => window.bench.stopFrames());
    return { rows: read, seconds: (performance.now() - started) / 1_000, frames };
  } finally {
    await page.context().close();
  }
}
