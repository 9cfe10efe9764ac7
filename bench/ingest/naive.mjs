// The pipeline that is written first: every message is decoded and saved by itself, and acknowledged then.
import { DataSource, EntitySchema } from 'typeorm';
import { decode } from '../../libs/wire/dist/index.js';

const column = (type, more = {}) => ({ type, ...more });
const Window = new EntitySchema({
  name: 'NaiveWindow',
  tableName: 'naive_window',
  columns: {
    project: column('uuid', { primary: true }),
    device: column('uuid', { primary: true }),
    boot: column('bigint', { primary: true }),
    sequence: column('bigint', { primary: true }),
    start: column('timestamptz'),
    n: column('integer'),
    classes: column('bytea'),
    features: column('jsonb'),
  },
});

/** @param {object} target of the connection @returns a handler for the broker, and `close` */
export async function startNaive({ host, port, user, password, database }) {
  const source = new DataSource({
    ...{ type: 'postgres', host, port, username: user, password, database },
    entities: [Window],
    synchronize: true,
    poolSize: 20,
  });
  await source.initialize();
  const repository = source.getRepository('NaiveWindow');
  const handle = ({ device }, { payload }, done) => {
    const message = decode('telemetry', payload);
    repository
      .save({
        project: device.projectId,
        device: device.deviceId,
        boot: String(message.bootId),
        sequence: String(message.sequence),
        start: new Date(message.startUnixMs),
        n: message.n,
        classes: Buffer.from(message.classes),
        features: message.features.map(({ histogram, ...rest }) => ({
          ...rest,
          histogram: Buffer.from(histogram).toString('base64'),
        })),
      })
      .then(
        () => done(),
        (error) => done(error),
      );
  };
  return { handle, close: () => source.destroy() };
}
