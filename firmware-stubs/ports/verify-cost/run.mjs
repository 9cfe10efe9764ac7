// What one verification of an Ed25519 signature costs on a Cortex-M under QEMU: builds main.c with crypto/ and runs it.
//   node firmware-stubs/ports/verify-cost/run.mjs [m3|m4|m7]
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { CORES } from '../cortex-m/build.mjs';

const run = promisify(execFile);
const firmware = join(dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * @param {string} core m3, m4 or m7
 * @param {{ key: string, signature: string, message: string }} vector hexadecimal, message of at most 160 bytes
 * @returns {Promise<{ accepted: boolean, instructions: number, stackBytes: number }>} instructions to within 40
 */
export async function verifyCost(core, { key, signature, message }) {
  const { cpu, board, psram } = CORES[core];
  const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-verify-'));
  try {
    const sources = (await readdir(join(firmware, 'crypto/src'))).filter((name) => name.endsWith('.c'));
    const image = join(folder, 'verify.elf');
    const port = ['ports/cortex-m/run/startup.c', 'ports/cortex-m/semihosting.c', 'ports/verify-cost/main.c'];
    await run(
      'arm-none-eabi-gcc',
      [
        ...[`-mcpu=${cpu}`, '-mthumb', '-mfloat-abi=soft', '-std=c99', '-ffreestanding', '-Os'],
        ...['-ffunction-sections', '-DFLEET_RUN_TIMER=0x40000000', '-Icrypto/include'],
        ...[...port, ...sources.map((name) => `crypto/src/${name}`)],
        ...['-nostartfiles', '-Wl,--gc-sections', `-Wl,--defsym=link_psram=${psram}`],
        ...['-T', 'ports/cortex-m/mps2.ld', '-o', image],
      ],
      { cwd: firmware },
    );
    const words = [key, signature, message].map((arg) => `arg=${arg}`);
    const semihosting = ['enable=on', 'target=native', ...words].join(',');
    const { stdout } = await run(
      'qemu-system-arm',
      [
        ...['-M', board, '-icount', 'shift=0', '-display', 'none', '-monitor', 'none', '-serial', 'none'],
        ...['-kernel', image, '-semihosting-config', semihosting],
      ],
      { timeout: 60_000 },
    );
    const [accepted, instructions, stackBytes] = stdout.trim().split(' ').map(Number);
    return { accepted: accepted === 1, instructions, stackBytes };
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { vectors } = JSON.parse(await readFile(join(firmware, 'vectors/ed25519.json'), 'utf8'));
  const core = process.argv[2] ?? 'm4';
  console.log(
    core,
    await verifyCost(
      core,
      vectors.find(({ name }) => name === 'TEST SHA(abc)'),
    ),
  );
}
