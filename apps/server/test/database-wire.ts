/** The embedded Postgres over TCP, as a server of one's own is reached. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { EmbeddedPostgres } from '@tinyfleet/storage';
// What a start loads while it connects, loaded before: the wire runs in the same thread and would be late.
import '../src/http/http-app.js';
import '../src/platform/services.js';
import '../src/roles/start-roles.js';

/** A wire between server and database that can be cut. */
export class DatabaseWire {
  private readonly sockets = new Set<Socket>();
  private isCut = false;
  private readonly server: Server;

  /** What DATABASE_URL is to be. */
  url = '';

  static async to(postgres: EmbeddedPostgres): Promise<DatabaseWire> {
    const { host, port, user, password } = postgres.connection;
    const wire = new DatabaseWire(join(host, `.s.PGSQL.${port}`));
    wire.url = `postgres://${user}:${password}@127.0.0.1:${await wire.listen()}/postgres`;
    return wire;
  }

  private constructor(socketPath: string) {
    this.server = createServer((near) => {
      if (this.isCut) return void near.destroy();
      const far = connect(socketPath);
      for (const socket of [near, far]) {
        this.sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
  }

  private async listen(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }
  mend(): void {
    this.isCut = false;
  }
  close(): void {
    this.cut();
    this.server.close();
  }
}
