// Chromium with what the benches measure in a page: when something was painted, how long frames took, which tasks were long.
import { chromium } from 'playwright-core';

/** Chromium's own traffic to its maker is not the page's. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const LIMIT_MS = 60_000;

/** Runs in the page before its scripts. Times are milliseconds since the navigation began. */
function instrument() {
  const longTasks = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      longTasks.push({ startMs: startTime, endMs: startTime + duration });
  }).observe({ type: 'longtask', buffered: true });
  /** Resolves after the frame in which `isShown` became true has been painted. */
  const painted = (isShown) =>
    new Promise((resolve) => {
      const look = () => {
        if (!isShown()) return requestAnimationFrame(look);
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(performance.now());
        port2.postMessage(0);
      };
      requestAnimationFrame(look);
    });
  let frames = [];
  let last;
  const frame = (atMs) => {
    if (last === undefined) return;
    frames.push(atMs - last);
    last = atMs;
    requestAnimationFrame(frame);
  };
  window.bench = {
    longTasks,
    painted,
    startFrames: () =>
      new Promise((resolve) =>
        requestAnimationFrame((atMs) => {
          frames = [];
          last = atMs;
          requestAnimationFrame(frame);
          resolve();
        }),
      ),
    /** Milliseconds between neighbouring frames since the start. */
    stopFrames: () => {
      last = undefined;
      return frames;
    },
  };
}

/** @param {Awaited<ReturnType<import('./fleet.mjs')['startFleet']>>} fleet */
export async function startBrowser({ product, cookie }) {
  const { toolPath } = await import('../../libs/testing/dist/tools.js');
  const browser = await chromium.launch({ executablePath: toolPath('chromium'), args: FLAGS });
  /** A page of a browser that has never been here, but is logged in. */
  const newPage = async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
    await context.addCookies([{ ...cookie, url: product.url }]);
    await context.addInitScript(instrument);
    const page = await context.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    return page;
  };
  return { newPage, stop: () => browser.close() };
}
