// Waiting for something that happens in another process or task, instead of sleeping and hoping.

/**
 * Calls `probe` until it stops throwing and gives its value.
 * @param timeoutMs after which the last error is thrown, default 30 s
 * @param intervalMs between two calls, default 50 ms
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { timeoutMs = 30_000, intervalMs = 50 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (performance.now() >= deadlineMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
