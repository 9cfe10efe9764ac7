// Suites that need more than npm packages: `describeWith` leaves one out, with its reason in the suite's name, when a
// tool is missing.
import { describe, it } from '@jest/globals';
import { findTool, type Tool } from './tools.js';

/**
 * A `describe` that needs these tools. When one is missing the suite is skipped under a name that says so, which
 * `npm test` lists. With TINYFLEET_TEST_REQUIRE_TOOLS (a comma-separated list, or `all`) a missing tool fails instead,
 * so that a continuous-integration run cannot lose suites silently.
 */
export function describeWith(tools: readonly Tool[], name: string, body: () => void): void {
  const missing = tools.filter((tool) => findTool(tool) === undefined);
  if (missing.length === 0) return describe(name, body);
  const required = (process.env.TINYFLEET_TEST_REQUIRE_TOOLS ?? '').split(',');
  const refused = missing.filter((tool) => required.includes('all') || required.includes(tool));
  if (refused.length === 0) {
    return describe.skip(`${name} [needs ${missing.join(', ')}]`, () => {
      // The body only counts the tests that are left out; it may look for the tool and fail.
      try {
        body();
      } catch {
        it('should run where its tools are installed', () => undefined);
      }
    });
  }
  describe(name, () => {
    it('should find the tools this run requires', () => {
      throw new Error(`not installed: ${refused.join(', ')}`);
    });
  });
}
