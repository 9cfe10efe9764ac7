// Child of bench/registry/http.mjs: one request after the other over one kept connection, timed to the last byte.
import { Agent, get } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function once(url, cookie) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { cookie } }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk) => (bytes += chunk.length));
      answer.on('end', () =>
        answer.statusCode === 200
          ? resolve({ ms: performance.now() - started, bytes })
          : reject(new Error(`status ${answer.statusCode}`)),
      );
    }).on('error', reject);
  });
}

process.on('message', async ({ command, url, cookie, count }) => {
  if (command === 'stop') process.exit(0);
  try {
    const latencies = [];
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const one = await once(url, cookie);
      latencies.push(one.ms);
      bytes = one.bytes;
    }
    process.send({ latencies, bytes });
  } catch (error) {
    process.send({ error: error.message });
  }
});
