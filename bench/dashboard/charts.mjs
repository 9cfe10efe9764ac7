// The charts of 30 days of six versions, drawn from answers that the page has: the server and the network are no part of it.

/** @returns {Promise<{ drawMs: number, charts: number }>} */
export async function measureCharts({ newPage }, { product }) {
  const page = await newPage();
  try {
    const settled = () => page.waitForFunction(() => document.querySelector('[aria-label=Loading]') === null);
    await page.goto(`${product.url}/p/bench/quality?range=720`);
    await page.locator('.chart canvas').first().waitFor();
    await settled();
    const charts = await page.locator('.chart canvas').count();
    const tabs = page.getByRole('navigation', { name: 'Quality' });
    await tabs.getByText('False alarms').click();
    await page.waitForURL(/budget/);
    await page.locator('.chart canvas').first().waitFor({ state: 'detached' });
    await settled();
    // The click itself, without what the driver of the browser adds to it.
    const drawMs = await page.evaluate(async (count) => {
      const tab = [...document.querySelectorAll('nav[aria-label=Quality] a')].find(
        ({ textContent }) => textContent === 'Accuracy',
      );
      const started = performance.now();
      tab.click();
      const done = await window.bench.painted(
        () => document.querySelectorAll('.chart canvas').length >= count,
      );
      return done - started;
    }, charts);
    return { drawMs, charts };
  } finally {
    await page.context().close();
  }
}
