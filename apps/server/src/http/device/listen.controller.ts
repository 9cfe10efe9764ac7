/** What a device sends and is sent, live. */
import { Controller, Req, Res } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { PgStores } from '@tinyfleet/storage';
import type { FastifyReply } from 'fastify';
import { Api, Caller, Input, Scope, type ApiInput, type ApiRequest } from '../api.js';
import { OpenStreams } from '../event/open-streams.js';
import { ProjectAccess } from '../project-access.js';
import { DeviceListening } from './device-listening.js';

/** A reader that is behind by more misses what comes then. */
const MAX_BEHIND_BYTES = 1_048_576;

@Controller()
export class ListenController {
  constructor(
    private readonly listening: DeviceListening,
    private readonly streams: OpenStreams,
    private readonly stores: PgStores,
    private readonly access: ProjectAccess,
  ) {}

  @Api('deviceListen')
  async listen(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'deviceListen'>,
    @Req() request: ApiRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.stores.devices.get(scope, params.device);
    this.streams.admit(reply.raw, caller);
    const listening = await this.listening.start(scope, params.device, query.raw);
    // From here on the stream owns the connection.
    reply.hijack();
    const response = reply.raw;
    // It left while the other process was asked.
    if (response.destroyed) return listening.stop();
    response.once('close', () => listening.stop());
    const given = request.admitted?.given ?? {};
    this.streams.begin(response, async () => await this.access.isStillAllowed(given, [scope], 'operator'));
    let missed = 0;
    const write = (event: Resource<'DeviceListenEvent'>): void => {
      response.write(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
    };
    listening.onTold((event) => {
      if (response.writableLength > MAX_BEHIND_BYTES) {
        missed += event.kind === 'dropped' ? event.messages : 1;
        return;
      }
      if (missed > 0) write({ kind: 'dropped', at: event.at, messages: missed });
      missed = 0;
      write(event);
    });
  }
}
