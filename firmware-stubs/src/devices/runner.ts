// A kind of device that runs beside the platform on this machine: how its firmware is built, what its flash looks like, how
// one is started. `tinyfleet flash` and `tinyfleet simulate --runner` know no more than this about it.
import type { FlashGeometry } from '@tinyfleet/wire';
import type { ImageHardware } from './image.js';
import { qemuRunners } from '../qemu/qemu-runner.js';
import { avrRunner } from '../simavr/simavr-runner.js';
import { posixRunner } from './posix-runner.js';

export interface RunningDevice {
  readonly pid: number | undefined;
  /** Resolves when it has ended, with its exit code; null = by a signal. */
  readonly ended: Promise<number | null>;
  /** Asks it to end and waits; a device that does not is killed after 5 seconds. */
  stop(): Promise<void>;
}

export interface RunOptions {
  /** Each line that the device prints. */
  readonly line: (text: string) => void;
  /** Also what only helps to find faults. */
  readonly verbose?: boolean;
}

export interface DeviceRunner {
  readonly name: string;
  /** Device type of the catalogue that it stands for. */
  readonly deviceType: string;
  /** Compiles the firmware; quick when nothing changed. @throws Error when a tool is missing, with its name */
  build(): Promise<void>;
  /** The flash of a device of this type. */
  flash(hardware: ImageHardware): FlashGeometry;
  /** Stores a bundle in a folder with parameters as the committed model of a factory. */
  provision(folder: string, bundleFile: string, sequence: number): Promise<void>;
  /** Starts the device of this folder, which has been given its parameters. */
  start(folder: string, options: RunOptions): Promise<RunningDevice>;
  /** What a user types to start it. */
  command(folder: string): string;
}

export const RUNNERS: readonly DeviceRunner[] = [posixRunner, ...qemuRunners, avrRunner];

export function runnerNamed(name: string): DeviceRunner | undefined {
  return RUNNERS.find((runner) => runner.name === name);
}
