/** A project whose devices get firmware and models over the air, for tests with processes of the POSIX port. */
import { fileURLToPath } from 'node:url';
import { GraphBuilder, writeTflite } from '@tinyfleet/compiler';
import type { Client } from '@tinyfleet/contracts';
import { CATALOGUE } from '@tinyfleet/registry';
import { eventually } from '@tinyfleet/testing';
import { expect } from '@jest/globals';

export const { buildPosixAgent } = (await import(
  fileURLToPath(new URL('../../../firmware-stubs/ports/posix/build.mjs', import.meta.url))
)) as {
  buildPosixAgent(options?: { name: string; version: string; folders?: string[] }): Promise<string>;
};
export const hardware = { ...CATALOGUE.find(({ name }) => name === 'posix')!, slotBytes: 1 << 20 };

export class FirmwareProject {
  readonly params: { readonly project: string };

  constructor(
    readonly client: Client,
    project: string,
  ) {
    this.params = { project };
  }

  /** A version of the model `dense`, built. */
  async model(version: string, weight: number): Promise<void> {
    const b = new GraphBuilder('dense');
    const weights = Float32Array.from({ length: 16 }, (_, i) => ((i * weight) % 7) - 3);
    const x = b.input('x', [1, 4], null);
    const filter = b.constant('w', [4, 4], weights);
    const scores = b.fullyConnected({ input: x, filter }, { name: 'scores' });
    const { client, params } = this;
    await client.call('modelImport', {
      params: { ...params, model: 'dense' },
      query: { fileName: 'dense.tflite', version, labels: 'a,b,c,d' },
      body: writeTflite(b.build([scores])),
    });
    const options = { inputRange: [-1, 1] as [number, number] };
    const body = { model: 'dense', version, deviceTypes: ['posix'], options };
    await client.call('buildStart', { params, body });
    const at = { ...params, model: 'dense', version, deviceType: 'posix' };
    await eventually(
      async () => expect((await client.call('buildGet', { params: at })).state).toBe('succeeded'),
      { timeoutMs: 60_000 },
    );
  }

  /** A version of the firmware `gateway`. */
  async image(version: string, bytes: Uint8Array): Promise<void> {
    await this.client.call('firmwareImport', {
      params: { ...this.params, firmware: 'gateway' },
      query: { version, deviceType: 'posix', fileName: 'gateway' },
      body: new Uint8Array(bytes),
    });
  }

  async release(name: string, version: string, firmware?: string, soakSeconds = 1): Promise<void> {
    const body = { model: name, version, sign: true, soakSeconds, ...(firmware && { firmware }) };
    await this.client.call('releaseCreate', { params: this.params, body });
  }

  /** Releases it and rolls it out. @returns the rollout's number */
  async ship(name: string, version: string, firmware?: string, soakSeconds = 1): Promise<number> {
    await this.release(name, version, firmware, soakSeconds);
    const body = { release: `${name}@${version}`, filter: 'type = posix' };
    return (await this.client.call('rolloutCreate', { params: this.params, body })).number;
  }
}
