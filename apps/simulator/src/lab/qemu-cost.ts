/**
 * What an update costs a Cortex-M device, measured inside the real device under QEMU's -icount: the board's 25 MHz timer then
 * ticks once every 40 instructions.
 */
import type { Core } from '@tinyfleet/firmware';
import { QemuLab } from './qemu-lab.js';

const INSTRUCTIONS_PER_TICK = 40;

export interface DeviceCost {
  /** One Ed25519 verification of a manifest. */
  readonly verifyInstructions: number;
  /** One golden vector of the self-test: an inference and the CRC of every step; mean. */
  readonly goldenInstructions: number;
  readonly vectors: number;
  /** One inference, mean of a window. */
  readonly inferenceInstructions: number;
  /** Highest use of the stack, installing and running. */
  readonly stackBytes: number;
}

/** Installs the bundle on a fresh device. Takes about 10 ns of this machine for each instruction. */
export async function measureCost(core: Core, bundle: Uint8Array, timeoutMs = 120_000): Promise<DeviceCost> {
  const lab = await QemuLab.open();
  try {
    const slotBytes = Math.ceil(bundle.length / 65_536) * 65_536;
    const parameters = { arenaBytes: 256 * 1_024, inferencePeriodMs: 100, windowS: 2 };
    const { machine, platform } = await lab.device({ core, slotBytes, parameters });
    platform.release = { bundle, sequence: 2, abi: 0x1_0000, opSet: Uint8Array.of() };
    machine.powerOn({ 'backoff-ms': 20, cycles: 1, 'watchdog-ms': 100_000 });
    const window = await platform.until(
      'window of the new model',
      () => platform.since('telemetry').find(({ n }) => n > 1),
      timeoutMs,
    );
    const verified = platform.since('line').find((line) => line.startsWith('verified '));
    const test = platform.since('state').find(({ selfTest }) => selfTest !== undefined)?.selfTest;
    if (verified === undefined || test === undefined || !test.passed)
      throw new Error(`the device did not test its model:\n${platform.describe()}`);
    return {
      verifyInstructions: Number(verified.split(' ')[1]),
      goldenInstructions: (test.cycles ?? 0) * INSTRUCTIONS_PER_TICK,
      vectors: test.vectors,
      inferenceInstructions: (window.cyclesMean ?? 0) * INSTRUCTIONS_PER_TICK,
      stackBytes: window.stackBytes ?? 0,
    };
  } finally {
    await lab.close();
  }
}
