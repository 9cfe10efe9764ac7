// What a run is told on the command line, and what it answers to nonsense.
import { describe, expect, it } from '@jest/globals';
import { readConfig, SimulatorConfig } from './config.js';
import { deviceNames } from './enrol.js';

const flags = [
  '--devices',
  '1000',
  '--url',
  'http://127.0.0.1:8080/',
  '--project',
  'demo',
  '--token',
  'secret',
];

describe('readConfig', () => {
  it('should take flags and fill in the rest', () => {
    expect(readConfig([...flags, '--tag', 'pilot', '--mqtt-port', '2883', '--duration', '60'])).toMatchObject(
      {
        url: 'http://127.0.0.1:8080',
        mqttHost: '127.0.0.1',
        mqttPort: 2883,
        project: 'demo',
        apiToken: 'secret',
        devices: { count: 1000, type: 'wasm', prefix: 'sim', tags: ['pilot'] },
        durationSeconds: 60,
      },
    );
  });

  it('should find the broker on the host of the API', () => {
    const elsewhere = flags.map((flag) => (flag.startsWith('http') ? 'https://fleet.example:443' : flag));
    expect(readConfig(elsewhere)).toMatchObject({ mqttHost: 'fleet.example', mqttPort: 1883 });
  });

  it.each([
    [['--devices', '5'], 'a required flag is missing'],
    [[...flags, '--speed', '9'], "Unknown option '--speed'"],
    [[...flags, '--mqtt-port', '99999'], 'mqttPort'],
    [[...flags, '--project', 'Not A Name'], 'project'],
    [flags.map((flag) => (flag === '1000' ? '0' : flag)), 'devices'],
    [flags.map((flag) => (flag === '1000' ? '100001' : flag)), 'devices'],
    [['--config', '/nowhere/config.json'], 'ENOENT'],
  ])('should refuse %j and name what is wrong', (argv, problem) => {
    expect(() => readConfig(argv)).toThrow(
      expect.objectContaining({
        code: 'simulator.config-invalid',
        message: expect.stringContaining(problem),
      }),
    );
  });

  it('should take 100,000 devices, the most of one process', () => {
    expect(readConfig(flags.map((flag) => (flag === '1000' ? '100000' : flag))).devices).toMatchObject({
      count: 100_000,
    });
  });
});

describe('SimulatorConfig', () => {
  const config = (devices: unknown) =>
    SimulatorConfig.safeParse({ url: 'http://127.0.0.1:1', project: 'demo', apiToken: 't', devices });

  it('should take listed devices of one type, each once', () => {
    const [a, b] = [
      { name: 'a', token: 't' },
      { name: 'b', token: 't' },
    ];
    expect(config([a, b]).success).toBe(true);
    expect(config([a, a]).success).toBe(false);
    expect(config([a, { ...b, type: 'qemu-m4' }]).success).toBe(false);
    expect(config([]).success).toBe(false);
  });
});

describe('deviceNames', () => {
  it('should number from 1, as wide as needed and at least three digits', () => {
    expect(deviceNames('sim', 2)).toEqual(['sim-001', 'sim-002']);
    expect(deviceNames('sim', 1000)[0]).toBe('sim-0001');
    expect(new Set(deviceNames('sim', 1000)).size).toBe(1000);
  });
});
