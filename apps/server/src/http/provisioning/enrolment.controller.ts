/**
 * What devices call to get their identity and their next certificate. Open to strangers, so failed attempts are slowed down by
 * source, and each source waits in its line. Asked in CBOR it answers in CBOR (provisioning-cbor.ts).
 */
import { Controller, Req, Res } from '@nestjs/common';
import { sourceOf } from '@tinyfleet/auth';
import { isFleetError, type ErrorCode } from '@tinyfleet/errors';
import { EnrolmentService } from '@tinyfleet/registry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Api, Input, type ApiInput, type ApiOutput } from '../api.js';
import { EnrolmentAttempts } from './enrolment-attempts.js';
import { CBOR_TYPE, encodeAnswer, isCbor } from './provisioning-cbor.js';

/** Failures that somebody gets who guesses; with any other the secret was right, or there was none. */
const guesses: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'provisioning.key-invalid',
  'provisioning.code-invalid',
  'provisioning.renewal-refused',
  'provisioning.certificate-invalid',
  'provisioning.request-invalid',
]);

@Controller()
export class EnrolmentController {
  constructor(
    private readonly enrolments: EnrolmentService,
    private readonly attempts: EnrolmentAttempts,
  ) {}

  @Api('provision')
  async provision(
    @Input() { body }: ApiInput<'provision'>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiOutput<'provision'>> {
    const made = await this.guarded(request, async () => this.enrolments.provision(body, request.ip));
    return answer(request, reply, made);
  }

  @Api('provisionCertificate')
  async certificate(
    @Input() { body }: ApiInput<'provisionCertificate'>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiOutput<'provisionCertificate'>> {
    return answer(request, reply, await this.guarded(request, async () => this.enrolments.renew(body)));
  }

  private async guarded<T>(request: FastifyRequest, work: () => Promise<T>): Promise<T> {
    return await this.attempts.run(
      sourceOf(request.ip),
      work,
      (error) => isFleetError(error) && guesses.has(error.code),
    );
  }
}

/** The serializer of the reply sends bytes as they are. */
function answer<T extends object>(request: FastifyRequest, reply: FastifyReply, value: T): T {
  // A secret that is shown once belongs in no cache.
  void reply.header('cache-control', 'no-store');
  if (!isCbor(request)) return value;
  void reply.header('content-type', CBOR_TYPE);
  return encodeAnswer(value) as unknown as T;
}
