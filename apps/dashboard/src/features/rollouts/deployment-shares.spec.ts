/** Every deployment state is drawn exactly once. */
import { describe, expect, it } from '@jest/globals';
import { DeploymentState } from '@tinyfleet/contracts';
import { deploymentShares } from './deployment-shares.js';

describe('deploymentShares', () => {
  it('should show every device whatever its state', () => {
    const counts = Object.fromEntries(DeploymentState.options.map((state) => [state, 1]));
    const total = deploymentShares(counts).reduce((sum, share) => sum + share.value, 0);
    expect(total).toBe(DeploymentState.options.length);
  });
});
