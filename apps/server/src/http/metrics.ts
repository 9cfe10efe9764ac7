/** HTTP in Prometheus: requests by route (never by URL, which has names in it), and open event streams. */
import type { FastifyInstance } from 'fastify';
import { Gauge, Histogram, type Registry } from 'prom-client';

export function countRequests(fastify: FastifyInstance, registry: Registry, openStreams: () => number): void {
  const duration = new Histogram({
    name: 'tinyfleet_http_request_seconds',
    help: 'Duration of HTTP requests',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  new Gauge({
    name: 'tinyfleet_event_streams',
    help: 'Open server-sent event streams',
    registers: [registry],
    collect() {
      this.set(openStreams());
    },
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    done();
  });
}
