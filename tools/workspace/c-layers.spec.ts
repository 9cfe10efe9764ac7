// The layers of the C code, on the real tree and on trees that break a rule.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@tinyfleet/testing';
import { checkLayers } from './c-layers.mjs';
import { root } from './packages.mjs';

describe('checkLayers', () => {
  const folder = temporaryFolder();
  const write = (path: string, ...lines: string[]) => {
    mkdirSync(dirname(join(folder(), path)), { recursive: true });
    writeFileSync(join(folder(), path), `${lines.join('\n')}\n`);
  };
  beforeEach(() => {
    write('runtime/include/fleet_runtime.h', '#include <stdint.h>');
    write('runtime/src/poison.h', '#pragma GCC poison malloc printf', '#pragma GCC poison double');
    write('runtime/src/internal.h', '#include "fleet_runtime.h"', '#include "poison.h"');
    write('runtime/src/run.c', '#include "internal.h"');
    write('agent/include/fleet_agent.h', '#include "fleet_runtime.h"');
    write('agent/src/agent.c', '#include "fleet_agent.h"', '#include <string.h>');
    write('ports/posix/main.c', '#include "fleet_agent.h"', '#include <unistd.h>');
  });

  it('should find nothing in this repository', () => {
    expect(checkLayers(join(root, 'firmware-stubs'))).toEqual([]);
  });

  it('should find nothing in a clean tree', () => {
    expect(checkLayers(folder())).toEqual([]);
  });

  it('should refuse a runtime that includes the agent', () => {
    write('runtime/src/run.c', '#include "internal.h"', '#include "fleet_agent.h"');
    expect(checkLayers(folder())).toEqual([
      'runtime/src/run.c:2: runtime must not include agent: "fleet_agent.h"',
    ]);
  });

  it('should let dsp see what is public of the runtime, and not the other way round', () => {
    write('runtime/include/fleet_kernel.h', '#include "fleet_runtime.h"');
    write('dsp/src/dsp.h', '#include "fleet_kernel.h"');
    write('dsp/src/fft.c', '#include "dsp.h"');
    expect(checkLayers(folder())).toEqual([]);
    write('dsp/src/fft.c', '#include "dsp.h"', '#include "internal.h"');
    write('runtime/src/run.c', '#include "internal.h"', '#include "dsp.h"');
    expect(checkLayers(folder())).toEqual([
      'runtime/src/run.c:2: runtime must not include dsp: "dsp.h"',
      'dsp/src/fft.c:2: "internal.h" is private to runtime: only its include/ is public',
    ]);
  });

  it('should refuse an agent that includes a port', () => {
    write('ports/posix/port.h', '');
    write('agent/src/agent.c', '#include "port.h"');
    expect(checkLayers(folder())).toEqual(['agent/src/agent.c:1: agent must not include ports: "port.h"']);
  });

  it('should let ports alone see crypto, and crypto nothing', () => {
    write('crypto/include/fleet_ed25519.h', '#include <stdint.h>');
    write('crypto/src/field25519.h', '#include <stdint.h>');
    write('crypto/src/ed25519.c', '#include "fleet_ed25519.h"', '#include "field25519.h"');
    write('ports/posix/main.c', '#include "fleet_agent.h"', '#include "fleet_ed25519.h"');
    expect(checkLayers(folder())).toEqual([]);
    write('agent/src/agent.c', '#include "fleet_ed25519.h"');
    write('crypto/src/ed25519.c', '#include "fleet_runtime.h"');
    write('ports/posix/main.c', '#include "field25519.h"');
    expect(checkLayers(folder())).toEqual([
      'crypto/src/ed25519.c:1: crypto must not include runtime: "fleet_runtime.h"',
      'agent/src/agent.c:1: agent must not include crypto: "fleet_ed25519.h"',
      'ports/posix/main.c:1: "field25519.h" is private to crypto: only its include/ is public',
    ]);
  });

  it("should refuse another layer's private header", () => {
    write('agent/src/agent.c', '#include "../../runtime/src/internal.h"');
    expect(checkLayers(folder())).toEqual([
      'agent/src/agent.c:1: "../../runtime/src/internal.h" is private to runtime: only its include/ is public',
    ]);
  });

  it('should refuse a system header in a freestanding layer', () => {
    write('agent/src/agent.c', '#include <stdio.h>');
    expect(checkLayers(folder())[0]).toContain('<stdio.h> is not freestanding');
  });

  it('should refuse a runtime file without the poison', () => {
    write('runtime/kernels/add.c', '#include "fleet_runtime.h"');
    expect(checkLayers(folder())).toEqual([
      'runtime/kernels/add.c:1: does not include poison.h, not even by another header',
    ]);
  });

  it('should refuse a poison that forgets a word', () => {
    write('runtime/src/poison.h', '#pragma GCC poison malloc printf');
    expect(checkLayers(folder())).toEqual(['runtime/src/poison.h: double is not poisoned']);
  });
});
