/**
 * The embedded MQTT 3.1.1 broker: aedes with our authentication, topics and limits. It hands every accepted message
 * of a device to one sink and acknowledges when that one settles it, so that PUBACK can follow a database commit; settled
 * with an error it closes the connection instead, so that the device sends it again.
 * Nothing is retained, sessions are always clean, QoS 2 is refused. Listeners: listen.ts, websocket.ts.
 */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import type { BatchSink, TelemetrySource } from '@tinyfleet/telemetry';
import { parseClientId, shorten } from '@tinyfleet/wire';
import { ownDownLeaf, ownUpLeaf } from './access.js';
import { AuthThrottle } from './auth-throttle.js';
import type { Admitted, DeviceCredentials } from './credentials.js';
import type { BrokerOptions } from './options.js';
import { PacketGuard } from './packet-guard.js';
import { Refusals, type Refusal, type RefusalFacts } from './refusals.js';
import { DeviceSession } from './session.js';
import { nobodyListens, type TappedDevices } from './tapped.js';

type ConnectPacket = Parameters<Aedes['preConnect']>[1];
type AuthenticateDone = Parameters<Aedes['authenticate']>[3];
type PublishPacket = Parameters<Aedes['authorizePublish']>[1];
type SubscribeDone = Parameters<Aedes['authorizeSubscribe']>[2];

/** MQTT 3.1.1 CONNACK return codes (3.2.2.3). */
const serverUnavailable = 3;
const badCredentials = 4;
const notAuthorized = 5;
/** Looked at together by a sweep. */
const sweepSessions = 500;
/** A device needs three; firmware of the future may know more. */
const maxSubscriptions = 16;

export interface BrokerCounters {
  connects: number;
  refusedConnects: number;
  messages: number;
  messageBytes: number;
  refusedPublishes: number;
  refusedSubscriptions: number;
  droppedForRate: number;
  droppedForSize: number;
  droppedForInFlight: number;
  droppedRevoked: number;
  wills: number;
}

/** Who is at the other end of a stream. */
export interface Peer {
  /** IP address; a word where there is none. */
  readonly address: string;
  /** DER: its client certificate, whose key it has shown to hold, and what came with it; empty without one. */
  readonly certificates?: () => readonly Uint8Array[];
  readonly isWebSocket?: boolean;
}
/** Stands for the client id of a peer that has not told one. */
const unnamed = '(none)';
const unknownPeer: Peer = { address: 'unknown' };

/** What the broker knows of a stream, kept on it: tables beside it would cost every garbage collection. */
interface Connection {
  readonly peer: Peer;
  readonly guard: PacketGuard;
  /** As granted. */
  keepaliveS: number;
  /** Once admitted. */
  session: DeviceSession | undefined;
}
const CONNECTION = Symbol('connection');
type Known = Duplex & { [CONNECTION]?: Connection };
const connectionOf = (client: Client): Connection | undefined => (client.conn as Known)[CONNECTION];

/** Whom the broker tells what nobody waits for. */
export interface BrokerListener {
  /** A device has proven itself: with this token, or by its certificate. */
  proven?(admitted: Admitted, token: Uint8Array | undefined): void;
  refused?(code: Refusal, facts: RefusalFacts): void;
  /** Devices whose messages and connections somebody wants to see. */
  readonly tapped?: TappedDevices;
}

/** Aedes.publish as its own parts call it. */
type Deliver = (packet: PublishPacket, from?: Client | null | (() => void), done?: () => void) => void;

interface BrokerEvents {
  connected: [session: DeviceSession];
  disconnected: [session: DeviceSession];
}

export class MqttBroker extends EventEmitter<BrokerEvents> implements TelemetrySource {
  readonly counters: BrokerCounters = {
    connects: 0,
    refusedConnects: 0,
    messages: 0,
    messageBytes: 0,
    refusedPublishes: 0,
    refusedSubscriptions: 0,
    droppedForRate: 0,
    droppedForSize: 0,
    droppedForInFlight: 0,
    droppedRevoked: 0,
    wills: 0,
  };
  /** Connected devices by client id. */
  readonly sessions = new Map<string, DeviceSession>();

  /** Projects of these by id, and how many of theirs are connected. */
  private readonly connectedProjects = new Map<string, { readonly name: string; readonly devices: number }>();

  /** Why connections, messages and subscriptions were refused. */
  readonly refusals: Refusals;

  private readonly aedes: Aedes;
  private readonly throttle: AuthThrottle;
  private readonly pending = new Set<Duplex>();
  private readonly tapped: TappedDevices;
  private sweepTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly credentials: DeviceCredentials,
    private readonly options: BrokerOptions,
    private readonly sink: Pick<BatchSink<DeviceSession>, 'take' | 'isAway'>,
    private readonly listener: BrokerListener = {},
  ) {
    super();
    this.tapped = listener.tapped ?? nobodyListens;
    this.refusals = new Refusals((code, facts) => this.listener.refused?.(code, facts));
    this.throttle = new AuthThrottle(options.throttle);
    this.aedes = new Aedes({
      // 0 = no limit of concurrent deliveries: the default serializes fan-in through one queue, and a stalled
      // subscriber that leaves can end in a recursion deep enough to end the process (measured, aedes 1.2).
      concurrency: 0,
      drainTimeout: options.drainTimeoutMs,
      connectTimeout: options.connectTimeoutMs,
      maxClientsIdLength: 127,
      maxTopicLevels: 8,
      preConnect: (client, packet, done) => {
        const refusal = this.prepare(client, packet);
        done(refusal ?? null, refusal === undefined);
      },
      authenticate: (client, username, password, done) => this.authenticate(client, username, password, done),
      authorizePublish: (client, packet, done) => this.publish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => this.subscribe(client, subscription, done),
    });
    // What a device sends is for the sink alone: for each message aedes would look for who subscribes to it, here and away.
    const deliver = this.aedes.publish.bind(this.aedes) as Deliver;
    this.aedes.publish = ((packet, from, done) => {
      if (typeof from === 'object' && from !== null) done?.();
      else deliver(packet, from, done);
    }) satisfies Deliver as Aedes['publish'];
    // Before CONNACK, so that a session is known when its first message arrives.
    this.aedes.on('client', (client) => this.ready(client));
    this.aedes.on('clientDisconnect', (client) => this.gone(client));
    // Errors of single connections (resets, refused packets) are counted where they arise; without a listener the
    // first internal error of aedes would end the process.
    (this.aedes as EventEmitter).on(
      'error',
      (error: Error) => this.failures.push(error.message) > 20 && this.failures.shift(),
    );
  }

  /** Last internal errors of aedes, for diagnostics. */
  readonly failures: string[] = [];

  async start(): Promise<void> {
    await this.aedes.listen();
    this.sweepTimer = setInterval(() => void this.sweep(), this.options.sweepMs);
    this.sweepTimer.unref();
  }

  /** Closes every connection. Wills are published on the way, so the handler must still work. */
  async stop(): Promise<void> {
    clearInterval(this.sweepTimer);
    for (const conn of this.pending) conn.destroy();
    await new Promise<void>((resolve) => this.aedes.close(() => resolve()));
  }

  /** Takes over a connected stream: a TCP or TLS socket, or a WebSocket as a stream. */
  handle(conn: Duplex, peer: Peer = unknownPeer): void {
    if (this.pending.size >= this.options.maxPendingConnections) {
      this.refuseConnect(undefined, 'mqtt.too-many-connections', peer, { connections: this.pending.size });
      conn.on('error', ignore);
      conn.destroy();
      return;
    }
    this.pending.add(conn);
    conn.once('close', () => this.pending.delete(conn));
    const guard = new PacketGuard(this.options.maxConnectBytes);
    const connection: Connection = { peer, guard, keepaliveS: 0, session: undefined };
    (conn as Known)[CONNECTION] = connection;
    const read = conn.read.bind(conn);
    conn.read = (size?: number): unknown => {
      const bytes = read(size) as Uint8Array | null;
      if (bytes === null || guard.accept(bytes)) return bytes;
      this.counters.droppedForSize++;
      const clientId = connection.session?.clientId ?? unnamed;
      if (clientId === unnamed) this.throttle.failed(peer.address, undefined);
      this.refusals.add('mqtt.packet-too-large', {
        clientId,
        address: peer.address,
        limit: guard.maxPacketBytes,
      });
      conn.destroy();
      return null;
    };
    this.aedes.handle(conn);
  }

  session(project: string, device: string): DeviceSession | undefined {
    return this.sessions.get(`${project}/${device}`);
  }

  /** Names, by id, of the projects of devices that are connected, or that would be let in without asking the database. */
  followedProjects(): Map<string, string> {
    const projects = new Map(this.credentials.cachedProjects());
    for (const [id, { name }] of this.connectedProjects) projects.set(id, name);
    return projects;
  }

  /**
   * Looks again at the credentials of one device, or of all connected devices of a project, after they changed, and
   * closes the connections that would not be accepted any more.
   */
  async recheck(project: string, device?: string): Promise<void> {
    this.credentials.invalidate(project, device);
    const affected: DeviceSession[] = [];
    if (device === undefined) {
      for (const session of this.sessions.values())
        if (session.device.project === project) affected.push(session);
    } else {
      const session = this.session(project, device);
      if (session) affected.push(session);
    }
    await Promise.all(affected.map((session) => this.recheckSession(session)));
  }

  private async sweep(): Promise<void> {
    // The lookups of one part are one query; one after the other they would take a third of a core from 10,000 devices.
    const sessions = [...this.sessions.values()];
    for (let at = 0; at < sessions.length; at += sweepSessions) {
      const part = sessions.slice(at, at + sweepSessions);
      // A failing database revokes nothing: the next sweep asks again.
      await Promise.all(part.map((session) => this.recheckSession(session).catch(ignore)));
    }
  }

  private async recheckSession(session: DeviceSession): Promise<void> {
    const still = await this.credentials.stillAdmitted(session);
    if (still) {
      session.device = still.device;
      session.credential = still.credential;
      return;
    }
    this.counters.droppedRevoked++;
    session.close();
  }

  /** Refuses what cannot be a device, and bends what MQTT lets a server decide. */
  private prepare(client: Client, packet: ConnectPacket): Error | undefined {
    const refusal = this.refusalOf(packet);
    if (refusal !== undefined) {
      const peer = connectionOf(client)?.peer ?? unknownPeer;
      this.throttle.failed(peer.address, undefined);
      this.refuseConnect(packet.clientId, refusal, peer);
      return new Error(refusal);
    }
    // We keep no sessions; CONNACK says so with session present = 0 [MQTT-3.2.2-3].
    packet.clean = true;
    const { maxKeepaliveS } = this.options;
    if (!packet.keepalive || packet.keepalive > maxKeepaliveS) packet.keepalive = maxKeepaliveS;
    const connection = connectionOf(client);
    if (connection) connection.keepaliveS = packet.keepalive;
    if (packet.will) packet.will.retain = false;
    client.on('error', ignore);
    return undefined;
  }

  private refusalOf(packet: ConnectPacket): Refusal | undefined {
    const { clientId, will } = packet;
    // Left to aedes, which answers it with a return code.
    if (packet.protocolVersion !== 3 && packet.protocolVersion !== 4) return undefined;
    if (parseClientId(clientId) === undefined || packet.username !== clientId)
      return 'mqtt.client-id-invalid';
    if (!will) return undefined;
    return ownUpLeaf(clientId, will.topic) === undefined || will.qos === 2 ? 'mqtt.will-refused' : undefined;
  }

  private authenticate(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
    done: AuthenticateDone,
  ): void {
    const device = parseClientId(username ?? '');
    const peer = connectionOf(client)?.peer ?? unknownPeer;
    const refuse = (code: Refusal, returnCode: number, facts?: RefusalFacts): void => {
      this.refuseConnect(client.id, code, peer, facts);
      done(Object.assign(new Error(code), { returnCode }), false);
    };
    if (!device) return refuse('mqtt.client-id-invalid', badCredentials);
    if (this.sink.isAway) return refuse('mqtt.database-away', serverUnavailable);
    if (this.sessions.size >= this.options.maxConnections && !this.sessions.has(client.id))
      return refuse('mqtt.too-many-connections', serverUnavailable, { connections: this.sessions.size });
    // Who sends a password means it, whatever certificate its TLS stack shows.
    const chain = password === undefined || password.length === 0 ? (peer.certificates?.() ?? []) : [];
    if (chain.length === 0 && peer.isWebSocket && (password === undefined || password.length === 0))
      return refuse('mqtt.websocket-without-token', badCredentials);
    const token = chain.length > 0 ? undefined : (password ?? new Uint8Array());
    // A right credential is let in all the same: only failures are held up.
    const isHeld = this.throttle.isHeld(peer.address, client.id);
    const verdict =
      token === undefined
        ? this.credentials.authenticateByCertificate(device, chain, { source: peer.address, isHeld })
        : this.credentials.authenticate(device, token, { isHeld });
    verdict.then(
      (verdict) => {
        if ('refusal' in verdict) {
          const { refusal, facts } = verdict;
          // Who is known and may not come in, such as one that waits for approval, tries again rightly.
          if (refusal.startsWith('mqtt.device-')) return refuse(refusal, notAuthorized);
          if (isHeld) return this.throttle.answer(() => refuse('mqtt.too-many-failures', serverUnavailable));
          this.throttle.failed(peer.address, client.id);
          return refuse(
            refusal,
            refusal === 'mqtt.credentials-wrong' ? badCredentials : notAuthorized,
            facts,
          );
        }
        this.listener.proven?.(verdict, token);
        this.admit(client, verdict);
        done(null, true);
      },
      () => refuse('mqtt.credentials-unreadable', serverUnavailable),
    );
  }

  private refuseConnect(clientId: string | undefined, code: Refusal, peer: Peer, facts?: RefusalFacts): void {
    this.counters.refusedConnects++;
    this.refusals.add(code, {
      clientId: clientId === undefined ? unnamed : shorten(clientId),
      address: peer.address,
      ...facts,
    });
  }

  private admit(client: Client, { device, credential }: Admitted): void {
    this.pending.delete(client.conn);
    const connection = connectionOf(client);
    if (!connection) return;
    connection.session = new DeviceSession(client, device, credential, {
      options: this.options,
      tapped: this.tapped,
    });
    connection.guard.maxPacketBytes = this.options.maxPacketBytes;
  }

  private ready(client: Client): void {
    const session = connectionOf(client)?.session;
    if (!session) return;
    this.counters.connects++;
    // A takeover has closed the older connection of the same client id already [MQTT-3.1.4-2].
    if (!this.sessions.has(client.id)) this.countProject(session, 1);
    this.sessions.set(client.id, session);
    this.tapped.get(client.id)?.connected(session, (connectionOf(client)?.peer ?? unknownPeer).address);
    this.emit('connected', session);
  }

  private gone(client: Client): void {
    const session = connectionOf(client)?.session;
    if (!session) return;
    session.closed = true;
    if (this.sessions.get(client.id) !== session) return;
    this.sessions.delete(client.id);
    this.tapped.get(client.id)?.disconnected(session);
    this.countProject(session, -1);
    this.emit('disconnected', session);
  }

  private countProject({ device: { projectId, project } }: DeviceSession, change: 1 | -1): void {
    const devices = (this.connectedProjects.get(projectId)?.devices ?? 0) + change;
    if (devices > 0) this.connectedProjects.set(projectId, { name: project, devices });
    else this.connectedProjects.delete(projectId);
  }

  /** The hook whose callback releases PUBACK. It also runs for wills, after the connection has gone. */
  private publish(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const session = client ? connectionOf(client)?.session : undefined;
    const leaf = session && client ? ownUpLeaf(client.id, packet.topic) : undefined;
    if (!client || !session || leaf === undefined || packet.qos === 2) {
      this.counters.refusedPublishes++;
      const topic = `${shorten(packet.topic)}${packet.qos === 2 ? ' with QoS 2' : ''}`;
      this.refusals.add('mqtt.topic-refused', { clientId: client?.id ?? unnamed, topic });
      done(new Error('mqtt.topic-refused'));
      return;
    }
    const will = client.closed;
    const { minPublisherKeepaliveS } = this.options;
    if (will) this.counters.wills++;
    else if (connectionOf(client)!.keepaliveS < minPublisherKeepaliveS) {
      this.counters.refusedPublishes++;
      const facts = { clientId: client.id, limit: minPublisherKeepaliveS };
      this.refusals.add('mqtt.keepalive-too-short', facts);
      done(new Error('mqtt.keepalive-too-short'));
      return;
    } else if (!session.rate.take(performance.now())) {
      this.counters.droppedForRate++;
      this.refusals.add('mqtt.too-many-messages', { clientId: client.id });
      done(new Error('mqtt.too-many-messages'));
      return;
    } else if (session.inFlight >= this.options.maxInFlight) {
      this.counters.droppedForInFlight++;
      this.refusals.add('mqtt.too-many-messages', { clientId: client.id });
      done(new Error('mqtt.too-many-messages'));
      return;
    }
    // Nothing is retained: a retained copy would answer for a device that is gone.
    packet.retain = false;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    this.counters.messages++;
    this.counters.messageBytes += payload.length;
    session.inFlight++;
    session.lastMessageAt = Date.now();
    this.tapped.get(client.id)?.message(session, { direction: 'up', leaf, payload, qos: packet.qos, will });
    this.sink.take(session, { leaf, payload, will }, (error) => {
      session.inFlight--;
      done(error ?? null);
    });
  }

  private subscribe(
    client: Client,
    subscription: Parameters<Aedes['authorizeSubscribe']>[1],
    done: SubscribeDone,
  ): void {
    const session = connectionOf(client)?.session;
    const leaf = session ? ownDownLeaf(client.id, subscription.topic) : undefined;
    // QoS 2 would be granted but never spoken; the answer 0x80 says so [MQTT-3.9.3-2].
    if (
      !session ||
      leaf === undefined ||
      subscription.qos === 2 ||
      session.subscriptions >= maxSubscriptions
    ) {
      this.counters.refusedSubscriptions++;
      this.refusals.add('mqtt.subscription-refused', {
        clientId: client.id,
        topic: shorten(subscription.topic),
      });
      done(null, null);
      return;
    }
    session.subscriptions++;
    this.tapped.get(client.id)?.subscribed(session, subscription.topic, subscription.qos);
    done(null, subscription);
  }
}

function ignore(): void {}
