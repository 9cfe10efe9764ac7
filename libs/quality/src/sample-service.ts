/**
 * What devices measured, kept only where a project allows it, for as long as it says. docs/privacy.md states what is in a sample.
 */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { SampleStore, SampleStores } from './ports.js';

type Settings = Resource<'SampleSettings'>;
export const sampleSettingsDefaults: Settings = {
  enabled: false,
  retentionDays: 30,
  bytesPerDeviceDay: 65_536,
};

export class SampleService {
  constructor(
    private readonly store: SampleStore,
    private readonly transact: Transact<SampleStores>,
  ) {}

  async settings(scope: ProjectScope): Promise<Settings> {
    return (await this.store.settings(scope)) ?? sampleSettingsDefaults;
  }

  async setSettings(actor: string, scope: ProjectScope, settings: Settings): Promise<Settings> {
    return await this.transact(async ({ samples, audit }) => {
      const before = { ...((await samples.settings(scope)) ?? sampleSettingsDefaults) };
      await samples.setSettings(scope, settings);
      await audit.append(scope, {
        actor,
        action: 'samples.set',
        target: scope.name,
        before,
        after: { ...settings },
      });
      return settings;
    });
  }

  /**
   * As an NPY file. Who takes what a device measured is in the audit log, as who deletes it is.
   * @throws telemetry.sample-not-found, telemetry.sample-incomplete
   */
  async file(actor: string, scope: ProjectScope, id: string): Promise<Uint8Array> {
    return await this.transact(async ({ samples, audit }) => {
      const { bytes, encoding, data } = await samples.read(scope, id);
      if (data === null) throw new FleetError('telemetry.sample-incomplete', { sample: id, bytes });
      await audit.append(scope, { actor, action: 'sample.downloaded', target: id, detail: { bytes } });
      return npyOf(data, encoding);
    });
  }

  /** @throws telemetry.sample-not-found */
  async remove(actor: string, scope: ProjectScope, id: string): Promise<void> {
    await this.transact(async ({ samples, audit }) => {
      const { bytes } = await samples.read(scope, id);
      await samples.remove(scope, id);
      await audit.append(scope, { actor, action: 'sample.removed', target: id, detail: { bytes } });
    });
  }
}

/** One row of NumPy's format, version 1.0: its header is padded so that the data begin at a multiple of 64. */
export function npyOf(data: Uint8Array, encoding: 'int8' | 'int16'): Uint8Array {
  const [type, width] = encoding === 'int16' ? ['<i2', 2] : ['|i1', 1];
  const shape = `(1, ${Math.floor(data.length / width)})`;
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': ${shape}, }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const head = [0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8];
  return new Uint8Array([...head, ...Buffer.from(header), ...data]);
}
