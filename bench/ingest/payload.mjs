// A telemetry message of exactly 300 bytes, as a device with 4 classes and 5 monitored features sends it, and where its
// sequence number stands, so that a loader can count it up in place.

/** Above 65,535 CBOR writes a sequence number in exactly four bytes. */
export const FIRST_SEQUENCE = 0x0100_0000;
export const CLASSES = 4;
export const PREFIX = Buffer.from('0102030405060708', 'hex');
const PAYLOAD_BYTES = 300;

/** @param {{ startUnixMs: number, boot?: bigint }} given @returns {Promise<{ payload: Buffer, sequenceAt: number }>} */
export async function telemetryPayload({ startUnixMs, boot = 7n }) {
  const { encode, packHistogram } = await import('../../libs/wire/dist/index.js');
  const classes = Array.from({ length: CLASSES * 8 }, (_, i) => (i % 8 === 7 ? 15 : i % 3));
  const n = classes.reduce((a, b) => a + b, 0);
  const histogram = (most) => packHistogram(Array.from({ length: 16 }, (_, i) => (i * 5) % (most + 1)));
  const payload = Buffer.from(
    encode('telemetry', {
      component: 'model',
      bootId: (1n << 32n) | boot,
      sequence: FIRST_SEQUENCE,
      uptimeMs: 3_600_000,
      build: PREFIX,
      schema: 0,
      startMs: 3_590_000,
      lengthMs: 10_000,
      n,
      startUnixMs,
      classes: packHistogram(classes),
      switches: 3,
      saturated: 300,
      stuck: 300,
      droppedFrames: 300,
      cyclesMean: 100_000,
      cyclesMax: 120_000,
      arenaBytes: 16_000,
      stackBytes: 900,
      firstIndex: 1_000,
      ood: histogram(15),
      features: [0, 1, 2, 3, 4].map((i) => ({
        histogram: histogram(31),
        n,
        sum: -4_000 + i,
        sumSquares: 190_000 + i,
        min: -120,
        max: 119,
      })),
    }),
  );
  if (payload.length !== PAYLOAD_BYTES) throw new Error(`the payload has ${payload.length} bytes`);
  const marker = Buffer.alloc(5);
  marker[0] = 0x1a;
  marker.writeUInt32BE(FIRST_SEQUENCE, 1);
  return { payload, sequenceAt: payload.indexOf(marker) + 1 };
}
