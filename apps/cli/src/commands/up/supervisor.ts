/**
 * `tinyfleet up`: starts the server, then the demo's simulator; shows the start-up; stops both in reverse order.
 * It holds no state of its own: a process that ends is reported, the simulator is started again, the server is not.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { SERVER_NODE_FLAGS, type SupervisedMessage } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { readContext } from '../../context.js';
import { failureOf, renderFailure } from '../../errors.js';
import { duration } from '../../output/format.js';
import { dataDir, programs, serverContextFile, workspaceRoot } from '../../paths.js';
import { Child, type Ending } from './child.js';
import { ensureDemo, markRemoved, refreshConfig, simulatorConfigFile } from './demo.js';
import { serverEnvironment, type UpFlags } from './options.js';
import { StartupView } from './startup-view.js';

type Ready = Extract<SupervisedMessage, { event: 'ready' }>;
type Failed = Extract<SupervisedMessage, { event: 'failed' }>;

const SIMULATOR_GRACE_MS = 8_000;
/** The server ends itself after 30 s. */
const SERVER_GRACE_MS = 32_000;
const DEMO_POLL_MS = 3_000;
const MAX_SIMULATOR_RESTARTS = 5;

export class Supervisor {
  private readonly view = new StartupView();
  private readonly started = performance.now();
  private server: Child | undefined;
  private simulator: Child | undefined;
  private simulatorRestarts = 0;
  private demoTimer: NodeJS.Timeout | undefined;
  private failed: Failed | undefined;
  private interrupts = 0;
  private readonly stopAsked = new AbortController();

  constructor(private readonly flags: UpFlags) {}

  /** Runs until a signal or the server's end; returns the exit code. */
  async run(): Promise<number> {
    for (const path of [programs.server, programs.simulator])
      if (!existsSync(path)) throw new FleetError('cli.not-built', { path });
    const handle = () => this.interrupt();
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, handle);
    try {
      const ready = await this.startServer();
      if (ready !== undefined) await this.startDemo(ready);
      if (ready !== undefined && !this.isStopping) this.announce(ready);
      if (!this.isStopping) await this.serverEnd();
      return await this.stopAll();
    } catch (error) {
      this.view.close();
      process.stderr.write(`${renderFailure(failureOf(error))}\n`);
      await this.stopAll();
      return failureOf(error).exitCode;
    } finally {
      for (const signal of signals) process.off(signal, handle);
    }
  }

  private get isStopping(): boolean {
    return this.stopAsked.signal.aborted;
  }

  /** Undefined when it was stopped meanwhile. @throws when the server does not become ready */
  private async startServer(): Promise<Ready | undefined> {
    this.view.line(`${pc.bold('TinyFleet')} is starting`);
    return new Promise<Ready | undefined>((resolve, reject) => {
      const child = new Child({
        name: 'server',
        entry: programs.server,
        nodeFlags: SERVER_NODE_FLAGS,
        cwd: workspaceRoot,
        env: serverEnvironment(this.flags),
        onMessage: (message) => {
          if (message.event === 'ready') resolve(message);
          else this.show(message);
        },
        onExit: (ending) => {
          if (ending.wasAsked || this.isStopping) resolve(undefined);
          else reject(this.serverFailure(ending, child));
        },
      });
      this.server = child;
      this.stopAsked.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
  }

  private show(message: SupervisedMessage): void {
    if (message.event === 'failed') this.failed = message;
    else if (message.event === 'notice') this.view.notice(message.text);
    else if (message.event === 'progress' && !this.isStopping) {
      if (message.done) this.view.done(message.step, message.text, message.elapsedMs);
      else this.view.progress(message.step, message.text);
    }
  }

  /** What the server said itself; without a word, its last lines. */
  private serverFailure(ending: Ending, child: Child): Error {
    const { failed } = this;
    if (failed !== undefined)
      return Object.assign(new Error(failed.message), {
        name: 'ApiError',
        code: failed.code,
        status: 500,
        ...(failed.hint === undefined ? {} : { hint: failed.hint }),
      });
    for (const line of child.lastLines) process.stderr.write(`${pc.dim(line)}\n`);
    const reason = ending.signal === null ? `exit code ${ending.code ?? 1}` : ending.signal;
    return new FleetError('cli.process-failed', { process: 'The server', reason });
  }

  /** The server runs without its demo when that fails. */
  private async startDemo(ready: Ready): Promise<void> {
    if (!this.flags.demo || ready.httpUrl === undefined) return;
    if (ready.mqttUrl === undefined) {
      this.view.notice('No demo: this server runs without a broker.');
      return;
    }
    this.view.progress('demo', 'Demo');
    const since = performance.now();
    try {
      const target = this.demoTarget(ready);
      const config = await ensureDemo(target, (text) => this.view.progress('demo', `Demo: ${text}`));
      if (this.isStopping) return;
      if (config === undefined)
        this.view.done('demo', 'The demo was removed, and stays so', performance.now() - since);
      else {
        this.view.done('demo', 'Demo project', performance.now() - since);
        // Not waited for: it may make days of history before its devices are up.
        void this.startSimulator(config);
      }
    } catch (error) {
      if (this.isStopping) return;
      const { message, hint, code } = failureOf(error);
      this.view.notice(
        `The demo could not be started: ${message} (${code})${hint === undefined ? '' : ` ${hint}`}`,
      );
    }
    this.demoTimer = setInterval(() => this.watchDemo(ready), DEMO_POLL_MS);
    this.demoTimer.unref();
  }

  private directoryOf(ready: Ready): string {
    return ready.dataDir ?? this.flags.dataDir ?? dataDir();
  }

  private demoTarget(ready: Ready) {
    const directory = this.directoryOf(ready);
    const context = readContext(serverContextFile(directory));
    if (context === undefined || ready.mqttUrl === undefined) throw new FleetError('cli.no-context');
    const mqtt = new URL(ready.mqttUrl);
    return {
      directory,
      url: ready.httpUrl ?? context.url,
      token: context.token,
      mqttHost: mqtt.hostname === '0.0.0.0' ? '127.0.0.1' : mqtt.hostname,
      mqttPort: Number(mqtt.port || 1_883),
    };
  }

  /** `tinyfleet demo create` writes a configuration while we run: its devices start without a restart. */
  private watchDemo(ready: Ready): void {
    if (this.simulator !== undefined || this.isStopping || this.simulatorRestarts >= MAX_SIMULATOR_RESTARTS)
      return;
    const file = simulatorConfigFile(this.directoryOf(ready));
    if (!existsSync(file)) return;
    try {
      refreshConfig(this.demoTarget(ready));
    } catch {
      return; // It is being written; the next look will find it.
    }
    void this.startSimulator(file);
  }

  /** Resolves when the fleet runs, or has failed to. */
  private async startSimulator(config: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const child = new Child({
        name: 'simulator',
        entry: programs.simulator,
        args: ['--config', config],
        cwd: workspaceRoot,
        onMessage: (message) => {
          if (message.event === 'ready') resolve();
          else if (message.event === 'failed')
            this.view.notice(
              `The simulated fleet stopped: ${message.message}${message.hint === undefined ? '' : ` ${message.hint}`}`,
            );
          else this.show(message);
        },
        onExit: (ending) => {
          this.simulator = undefined;
          resolve();
          this.simulatorEnded(ending, config, child);
        },
      });
      this.simulator = child;
      this.stopAsked.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Exit code 0 by itself: its project is gone. Anything else: once more, some times. */
  private simulatorEnded(ending: Ending, config: string, child: Child): void {
    if (ending.wasAsked || this.isStopping) return;
    if (ending.code === 0) {
      markRemoved(dirname(dirname(config)));
      return;
    }
    for (const line of child.lastLines.slice(-5)) this.view.notice(pc.dim(line));
    this.simulatorRestarts += 1;
    if (this.simulatorRestarts >= MAX_SIMULATOR_RESTARTS) {
      this.view.notice('The simulated fleet keeps ending and is not started again.');
      return;
    }
    setTimeout(() => {
      if (!this.isStopping && this.simulator === undefined && existsSync(config))
        void this.startSimulator(config);
    }, 2_000 * this.simulatorRestarts).unref();
  }

  private announce(ready: Ready): void {
    const rows: Array<[string, string]> = [];
    if (ready.httpUrl !== undefined) rows.push(['dashboard', pc.bold(ready.httpUrl)]);
    if (ready.mqttUrl !== undefined) rows.push(['MQTT', ready.mqttUrl]);
    if (ready.setupUrl !== undefined) rows.push(['first sign-in, once', pc.bold(ready.setupUrl)]);
    const width = Math.max(...rows.map(([name]) => name.length));
    this.view.line('');
    this.view.line(`${pc.green('Ready')} in ${duration(performance.now() - this.started)}`);
    for (const [name, value] of rows) this.view.line(`  ${name.padEnd(width)}  ${value}`);
    this.view.line(pc.dim('  npx tinyfleet --help shows what to do next; Ctrl-C stops everything.'));
    this.view.line('');
  }

  /** Waits for a signal or for the server to end by itself. @throws when the server failed */
  private async serverEnd(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    const stopped = new Promise<undefined>((resolve) => {
      this.stopAsked.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    const ending = await Promise.race([server.ended, stopped]);
    if (ending !== undefined && !ending.wasAsked) throw this.serverFailure(ending, server);
  }

  /** First Ctrl-C stops in order, the second one at once. */
  private interrupt(): void {
    this.interrupts += 1;
    if (this.interrupts === 1) {
      this.stopAsked.abort();
      return;
    }
    this.view.line('Stopping at once.');
    this.simulator?.kill();
    // The database gets a moment: it would have to recover at the next start.
    if (this.interrupts === 2) setTimeout(() => this.server?.kill(), 3_000).unref();
    else this.server?.kill();
  }

  private async stopAll(): Promise<number> {
    this.stopAsked.abort();
    clearInterval(this.demoTimer);
    this.view.close();
    if (this.simulator !== undefined) {
      this.view.progress('stop', 'Stopping the simulated fleet');
      await this.simulator.stop(SIMULATOR_GRACE_MS);
    }
    let code = 0;
    if (this.server !== undefined) {
      this.view.progress('stop', 'Stopping the server');
      const ending = await this.server.stop(SERVER_GRACE_MS);
      if (ending.code !== 0 && ending.wasAsked && this.interrupts > 0) code = ending.code ?? 1;
    }
    this.view.close();
    if (this.interrupts > 0) this.view.line('Stopped.');
    return code;
  }
}
