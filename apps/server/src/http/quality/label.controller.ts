/** Labels: as JSON and as CSV, and the queue of predictions that wait for one. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { LabelQueueService, QualityService, labelFileLimits } from '@tinyfleet/quality';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class LabelController {
  constructor(
    private readonly quality: QualityService,
    private readonly queue: LabelQueueService,
  ) {}

  @Api('labelsPost')
  async label(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'labelsPost'>,
  ): Promise<ApiOutput<'labelsPost'>> {
    return await this.quality.addLabels(caller.actor, scope, body);
  }

  @Api('labelImport')
  async import(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { query, body }: ApiInput<'labelImport'>,
  ): Promise<ApiOutput<'labelImport'>> {
    const file = await whole(body, labelFileLimits.bytes);
    const { source, dryRun } = query;
    return await this.quality.importLabels(caller.actor, scope, file, { source, dryRun: dryRun === 'true' });
  }

  @Api('labelQueue')
  async counts(@Scope() scope: ProjectScope): Promise<ApiOutput<'labelQueue'>> {
    return await this.queue.counts(scope);
  }

  @Api('labelClaim')
  async claim(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'labelClaim'>,
  ): Promise<ApiOutput<'labelClaim'>> {
    return await this.queue.claim(caller.actor, scope, body);
  }

  @Api('labelSkip')
  async skip(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'labelSkip'>,
  ): Promise<ApiOutput<'labelSkip'>> {
    return await this.queue.skip(caller.actor, scope, body.items, body.note);
  }

  @Api('labelUndo')
  async undo(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'labelUndo'>,
  ): Promise<ApiOutput<'labelUndo'>> {
    return await this.queue.undo(caller.actor, scope, body.items);
  }

  @Api('labelReturn')
  async giveBack(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'labelReturn'>,
  ): Promise<ApiOutput<'labelReturn'>> {
    return await this.queue.giveBack(caller.actor, scope, body.items);
  }

  @Api('labelTaskOpen')
  async open(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'labelTaskOpen'>,
  ): Promise<ApiOutput<'labelTaskOpen'>> {
    return await this.queue.open(caller.actor, scope, body);
  }
}

/** @throws telemetry.labels-too-large */
async function whole(body: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > limit) throw new FleetError('telemetry.labels-too-large', { limit, what: 'bytes' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
