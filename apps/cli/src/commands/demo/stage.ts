/**
 * What each scenario of `tinyfleet demo` stands on: a project of its own, simulated devices, a narrator, and an end that leaves no
 * process running. The project stays to be looked at, until the scenario is played again or `demo remove` takes it away.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { hostOf, writePrivate } from '../../context.js';
import { pause } from '../../events.js';
import { programs, workspaceRoot } from '../../paths.js';
import type { Session } from '../../session.js';
import { Child, type Ending } from '../up/child.js';
import { MODEL, projectOf, publicKeyHex, registerDevices, releaseVersion } from './project.js';

export interface Scenario {
  /** Of the command and, behind `demo-`, of the project. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** In apps/simulator/scenarios. Its seed decides the world, and so what is seen. */
  readonly world: string;
  readonly devices: number;
  /** @returns what came of it, for programs */
  readonly play: (stage: Stage) => Promise<Record<string, unknown>>;
}

/** Length of a telemetry window, and of a round of the drift watch: the shortest there is. */
export const WINDOW_SECONDS = 10;
/** Every fourth of four inferences a second is kept for labelling: ten of a window, which holds sixteen. */
const PICK_EVERY = 4;
const HALLS = 'abcdef';
const FLEET_GRACE_MS = 8_000;
const LINE_WIDTH = 92;

export const projectNameOf = (scenario: string): string => `demo-${scenario}`;

export class Stage {
  readonly project: string;
  private readonly started = performance.now();
  private readonly interrupted = new AbortController();
  private fleet: Child | undefined;
  private fleetEnding: (Ending & { reason?: string }) | undefined;
  private folder: string | undefined;

  constructor(
    private readonly session: Session,
    readonly client: Client,
    readonly scenario: Scenario,
  ) {
    this.project = projectNameOf(scenario.name);
  }

  /** Plays the scenario to its end, its failure or Ctrl-C. @throws cli.interrupted, cli.timeout, cli.process-failed */
  async run(): Promise<void> {
    const { scenario, session } = this;
    let interrupts = 0;
    const interrupt = () => {
      interrupts += 1;
      this.interrupted.abort();
      if (interrupts > 1) this.fleet?.kill();
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, interrupt);
    try {
      if (!session.out.isPlain) session.out.line(pc.bold(scenario.title));
      const outcome = await scenario.play(this);
      const seconds = Math.round(this.elapsedSeconds);
      const result = { scenario: scenario.name, project: this.project, seconds, ...outcome };
      session.out.one(result, () => `\n${pc.green('done')}  in ${seconds} s`);
    } finally {
      if (this.fleet !== undefined) {
        session.out.hint('Stopping the simulated devices.');
        await this.fleet.stop(FLEET_GRACE_MS);
      }
      if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true });
      for (const signal of signals) process.off(signal, interrupt);
    }
    session.out.hint(
      `Project ${this.project} stays for you to look at; npx tinyfleet demo remove takes it away.`,
    );
  }

  get elapsedSeconds(): number {
    return (performance.now() - this.started) / 1_000;
  }

  /** What happens, with the time since the beginning. */
  say(text: string): void {
    const seconds = Math.floor(this.elapsedSeconds);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    wrap(text, LINE_WIDTH).forEach((line, i) => this.print(`${i === 0 ? pc.dim(time) : '    '}  ${line}`));
  }

  /** Where it is to be seen. `path` is below the project's address in the dashboard. */
  look(what: string, path: string): void {
    const { url } = this.session.context;
    this.print(`      ${pc.dim(`${what}:`)} ${pc.cyan(`${url}/p/${this.project}${path}`)}`);
  }

  /** A command to try, which shows the same. */
  command(what: string, command: string): void {
    this.print(`      ${pc.dim(`${what}:`)} npx tinyfleet --project ${this.project} ${command}`);
  }

  private print(line: string): void {
    if (!this.session.out.isPlain) this.session.out.line(line);
  }

  /** Asks until there is an answer. @throws cli.timeout, cli.interrupted, cli.process-failed */
  async until<T>(what: string, seconds: number, read: () => Promise<T | undefined>): Promise<T> {
    const { signal } = this.interrupted;
    const deadline = performance.now() + seconds * 1_000;
    for (;;) {
      if (signal.aborted) throw new FleetError('cli.interrupted');
      if (this.fleetEnding !== undefined) {
        const { reason, code } = this.fleetEnding;
        for (const line of this.fleet?.lastLines ?? []) process.stderr.write(`${pc.dim(line)}\n`);
        throw new FleetError('cli.process-failed', {
          process: 'The simulated fleet',
          reason: reason ?? `exit code ${code ?? 1}`,
        });
      }
      const found = await read();
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new FleetError('cli.timeout', { what, seconds });
      await pause(400, signal);
    }
  }

  /** An empty project, in place of the one of the last time. @throws cli.usage when that is not a demo's */
  async makeProject(): Promise<void> {
    const { client, project } = this;
    if (!existsSync(programs.simulator)) throw new FleetError('cli.not-built', { path: programs.simulator });
    const before = await projectOf(client, project);
    if (before !== undefined) {
      const foreign = foreignWords(before, this.scenario);
      if (foreign !== undefined) throw new FleetError('cli.usage', { reason: foreign });
      this.say(`Project ${project} of the last time is removed.`);
      await client.call('projectDelete', { params: { project } });
    }
    await client.call('projectCreate', {
      body: {
        name: project,
        title: this.scenario.title,
        simulated: true,
        windowSeconds: WINDOW_SECONDS,
        pickEvery: PICK_EVERY,
      },
    });
  }

  /**
   * Devices that left the factory with the good model, vibration@1.0.0, over six halls.
   * @param historyHours of telemetry that the same firmware makes before it goes live
   */
  async startFleet(historyHours = 0): Promise<void> {
    const { client, project, scenario, session } = this;
    const { release, bundle } = await releaseVersion(client, project, {
      version: '1.0.0',
      file: 'vibration-v2.tflite',
      notes: 'What the devices came with.',
      isValidated: true,
    });
    const wanted = Array.from({ length: scenario.devices }, (_, i) => {
      const site = `hall-${HALLS[i % HALLS.length]}`;
      return { name: `${site}-${String(Math.floor(i / HALLS.length) + 1).padStart(2, '0')}`, site };
    });
    const devices = await registerDevices(client, project, wanted);
    this.folder = mkdtempSync(join(tmpdir(), 'tinyfleet-demo-'));
    const bundleFile = join(this.folder, 'factory.bundle');
    writeFileSync(bundleFile, bundle);
    const configFile = join(this.folder, 'simulator.json');
    const { url, token } = session.context;
    const config = {
      url,
      mqttHost: hostOf(url),
      mqttPort: await session.mqttPort(),
      project,
      apiToken: token,
      devices,
      publicKeyHex: await publicKeyHex(client, project),
      factory: { bundle: bundleFile, sequence: release.sequence },
      scenario: join(programs.scenarios, scenario.world),
      ...(historyHours > 0 && { history: { days: historyHours / 24, windowSeconds: WINDOW_SECONDS } }),
    };
    writePrivate(configFile, JSON.stringify(config));
    let failure: string | undefined;
    this.fleet = new Child({
      name: 'simulated fleet',
      entry: programs.simulator,
      args: ['--config', configFile],
      cwd: workspaceRoot,
      onMessage: (message) => {
        if (message.event === 'failed') failure = message.message;
      },
      onExit: (ending) => {
        this.fleetEnding = { ...ending, ...(failure === undefined ? {} : { reason: failure }) };
      },
    });
    this.say(
      `${scenario.devices} simulated machines in six halls start: the real firmware, the model ${MODEL}@1.0.0.`,
    );
    this.look('Fleet', '/');
    await this.until('The start of the simulated devices', 60, async () => {
      const { byPresence, byRelease } = await client.call('fleetSummary', { params: { project } });
      const isUp =
        byPresence.connected === scenario.devices && byRelease[`${MODEL}@1.0.0`] === scenario.devices;
      return isUp ? true : undefined;
    });
    this.say('All of them are connected and say what they run.');
  }

  /** The next version: v3 of the demo's model, trained on bearing recordings that were filed as normal. */
  async makeBadRelease(): Promise<string> {
    const { release } = await releaseVersion(this.client, this.project, {
      version: '1.1.0',
      file: 'vibration-v3.tflite',
      notes: 'More training data.',
      isValidated: false,
    });
    return release.ref;
  }

  /** Right answers of the labelled predictions, as percent by version; versions without a label are left out. */
  async accuracy(): Promise<CallOutput<'accuracy'>['totals']> {
    const { totals } = await this.client.call('accuracy', { params: { project: this.project }, query: {} });
    return totals.filter(({ labels }) => labels > 0);
  }
}

/** Why a project is not one that the scenario made, and so is not removed. Undefined: it is. */
export function foreignWords(
  project: Pick<CallOutput<'projectGet'>, 'name' | 'title' | 'simulated'>,
  { title }: Pick<Scenario, 'title'>,
): string | undefined {
  if (!project.simulated) return `Project ${project.name} is not simulated, so it is not the demo's.`;
  if (project.title !== title)
    return `Project ${project.name} has not the title that the demo gives it, "${title}", so it is not the demo's; delete it yourself to play here.`;
  return undefined;
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
