/** Plays rollouts in a thread, one at a time and projects in turn, so that neither requests nor devices nor other tenants wait for them. */
import { Worker } from 'node:worker_threads';
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { Chances, PlayJob, RolloutPlayer } from '@tinyfleet/rollouts';

export interface SimulationThreadOptions {
  /** Jobs that wait for the one that runs. */
  readonly maxWaiting: number;
  /** Jobs of one project that run or wait. */
  readonly maxPerProject: number;
  readonly maxHeapMib: number;
}
export const simulationThreadDefaults: SimulationThreadOptions = {
  maxWaiting: 8,
  maxPerProject: 2,
  maxHeapMib: 512,
};

/** More than may wait. */
const remembered = 1_000;

interface Waiting {
  readonly project: string;
  readonly begin: () => void;
}

export class SimulationThread implements RolloutPlayer {
  private readonly waiting: Waiting[] = [];
  private running: string | undefined;
  /** Projects by when they were served last, the latest at the end; not all that ever were. */
  private served: readonly string[] = [];

  constructor(private readonly options: SimulationThreadOptions = simulationThreadDefaults) {}

  async play({ id: project }: ProjectScope, job: PlayJob): Promise<Chances[]> {
    const { maxWaiting, maxPerProject } = this.options;
    const mine = this.waiting.filter((one) => one.project === project).length;
    if (mine + (this.running === project ? 1 : 0) >= maxPerProject)
      throw new FleetError('rollouts.simulations-of-project', { limit: maxPerProject });
    if (this.waiting.length >= maxWaiting && this.running !== undefined)
      throw new FleetError('rollouts.simulation-busy', { limit: maxWaiting });
    await new Promise<void>((begin) => {
      this.waiting.push({ project, begin });
      this.next();
    });
    return await this.run(job).finally(() => {
      this.running = undefined;
      this.next();
    });
  }

  /** The project that was served longest ago. */
  private next(): void {
    if (this.running !== undefined) return;
    const turns = this.waiting.map(({ project }) => this.served.indexOf(project));
    const [first] = this.waiting.splice(turns.indexOf(Math.min(...turns)), 1);
    if (!first) return;
    const { project, begin } = first;
    this.running = project;
    this.served = [...this.served.filter((one) => one !== project), project].slice(-remembered);
    begin();
  }

  private run(job: PlayJob): Promise<Chances[]> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL(workerFile(), import.meta.url), {
        workerData: job,
        resourceLimits: { maxOldGenerationSizeMb: this.options.maxHeapMib },
      });
      const died = (reason: string, cause?: Error): void =>
        reject(new FleetError('rollouts.simulation-died', { reason }, { cause }));
      worker.once('message', resolve);
      worker.once('error', (error: Error) => died(error.message, error));
      worker.once('exit', (code) => died(`exit code ${code}`));
    });
  }
}

/** As compiler-thread.ts: dist/ holds JavaScript. */
const workerFile = (): string =>
  import.meta.url.endsWith('.ts') ? '../../dist/rollout/simulation-worker.js' : './simulation-worker.js';
