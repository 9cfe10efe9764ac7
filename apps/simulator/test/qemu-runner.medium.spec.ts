// QEMU's boards behind the runner interface: an image as `tinyfleet flash` makes it, a factory model, the broker over TCP, and an
// end with the process that started it.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { parametersOf, runnerNamed, writeParameters } from '@tinyfleet/firmware';
import { describeWith, eventually, workspaceRoot } from '@tinyfleet/testing';
import { labModel } from './lab-models.js';
import { PlatformPeer } from './platform-peer.js';

const runner = runnerNamed('qemu-m4')!;
const hardware = {
  ...{ name: 'qemu-m4', slotBytes: 65_536, sectorBytes: 4_096, programUnitBytes: 4 },
  ...{ arenaBytes: 65_536, stateBytes: 1_024 },
};

let folder: string;
let peer: PlatformPeer;
let broker: { host: string; port: number; tls: boolean };

/** The image's parameters, as `tinyfleet flash` writes them. */
async function flash(device: string): Promise<void> {
  const identity = { project: 'demo', device, token: 'secret', broker, publicKey: peer.key.raw };
  await writeParameters(folder, parametersOf(hardware, identity, { flash: runner.flash(hardware) }));
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tinyfleet-runner-'));
  peer = new PlatformPeer();
  broker = { ...(await peer.listen()), tls: false };
  await flash('m4');
});
afterEach(async () => {
  await peer.close();
  await rm(folder, { recursive: true });
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describeWith(['qemu-system-arm', 'arm-none-eabi-gcc'], 'the runner of qemu-m4', () => {
  it('should come with the model of the factory, and with new parameters on the same flash', async () => {
    await runner.build();
    const bundle = await labModel(1);
    const file = path.join(folder, 'bundle');
    await writeFile(file, bundle);
    await runner.provision(folder, file, 12);
    const lines: string[] = [];
    for (const device of ['m4', 'renamed']) {
      await flash(device);
      const running = await runner.start(folder, { line: (text) => lines.push(text) });
      await peer.until(() => peer.hellos.some((hello) => hello.device === device));
      await running.stop();
      expect(await running.ended).toBeNull();
      expect(isAlive(running.pid!)).toBe(false);
    }
    for (const { hello } of peer.hellos) {
      expect(hello).toMatchObject({ releaseSequence: 12, deviceType: 'qemu-m4' });
      expect(hello.slots[0]).toMatchObject({ state: 'active', bytes: bundle.length });
      expect(Buffer.from(hello.slots[0]!.digest)).toEqual(createHash('sha256').update(bundle).digest());
    }
    expect(lines).toContain('boot 1');
  }, 60_000);

  it('should end with the process that started it, even when that is killed', async () => {
    await runner.build();
    const script = `import { runnerNamed } from '@tinyfleet/firmware';
      const device = await runnerNamed('qemu-m4').start(${JSON.stringify(folder)}, { line: () => {} });
      console.log(device.pid);`;
    const env = { ...process.env };
    delete env['NODE_OPTIONS'];
    await promisify(execFile)(process.execPath, ['tools/workspace/build.mjs', '--quiet', '--no-sites'], {
      cwd: workspaceRoot,
      env,
    });
    const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: workspaceRoot,
      env,
      stdio,
    });
    const pid = Number(
      await new Promise<string>((resolve) => createInterface(parent.stdout).once('line', resolve)),
    );
    await peer.until(() => peer.hellos.length > 0);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await eventually(() => expect(isAlive(pid)).toBe(false));
  }, 60_000);
});
