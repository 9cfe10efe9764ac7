/** Flags of `tinyfleet up` as the server's environment. */
import { describe, expect, it } from '@jest/globals';
import { serverEnvironment } from './options.js';

const none = { demo: true, portOffset: 0 };

describe('tinyfleet up flags', () => {
  it('should leave the server alone without flags', () => {
    expect(serverEnvironment(none, {})).toEqual({});
  });

  it('should move every port, from what the environment says', () => {
    expect(serverEnvironment({ ...none, portOffset: 100 }, { TINYFLEET_MQTT_PORT: '2000' })).toEqual({
      TINYFLEET_HTTP_PORT: '8180',
      TINYFLEET_HTTP_TLS_PORT: '8543',
      TINYFLEET_MQTT_PORT: '2100',
      TINYFLEET_MQTT_TLS_PORT: '8983',
    });
  });

  it('should take named ports as they are, 0 for any', () => {
    const env = serverEnvironment(
      { ...none, portOffset: 5, httpPort: 0, mqttPort: 1 },
      { TINYFLEET_MQTT_TLS_PORT: '0' },
    );
    expect(env).toEqual({
      TINYFLEET_HTTP_PORT: '0',
      TINYFLEET_HTTP_TLS_PORT: '8448',
      TINYFLEET_MQTT_PORT: '1',
      TINYFLEET_MQTT_TLS_PORT: '0',
    });
  });

  it('should refuse an offset that leaves the range', () => {
    expect(() => serverEnvironment({ ...none, portOffset: 1 }, { TINYFLEET_HTTP_PORT: '65535' })).toThrow(
      /out of range/,
    );
    expect(
      serverEnvironment({ ...none, portOffset: 1 }, { TINYFLEET_HTTP_PORT: '65534' })['TINYFLEET_HTTP_PORT'],
    ).toBe('65535');
  });

  it('should pass what opens the network only when asked', () => {
    expect(serverEnvironment({ ...none, lan: true, insecureMqtt: true, dataDir: '/d' }, {})).toEqual({
      TINYFLEET_LAN: 'true',
      TINYFLEET_INSECURE_MQTT: 'true',
      TINYFLEET_MQTT_HOST: '0.0.0.0',
      TINYFLEET_DATA_DIR: '/d',
    });
  });

  it('should open plain MQTT on the address that is set, if one is', () => {
    const env = serverEnvironment({ ...none, insecureMqtt: true }, { TINYFLEET_MQTT_HOST: '192.0.2.1' });
    expect(env['TINYFLEET_MQTT_HOST']).toBe('192.0.2.1');
  });
});
