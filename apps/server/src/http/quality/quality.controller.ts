/** Accuracy, class mix and versions over time, and the labels they come from. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { QualityService } from '@tinyfleet/quality';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class QualityController {
  constructor(private readonly quality: QualityService) {}

  @Api('accuracy')
  async accuracy(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'accuracy'>,
  ): Promise<ApiOutput<'accuracy'>> {
    return await this.quality.accuracy(scope, query);
  }

  @Api('classMix')
  async classes(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'classMix'>,
  ): Promise<ApiOutput<'classMix'>> {
    return await this.quality.classMix(scope, query);
  }

  @Api('versionShare')
  async versions(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'versionShare'>,
  ): Promise<ApiOutput<'versionShare'>> {
    return await this.quality.versionShare(scope, query);
  }

  @Api('labelsPost')
  async label(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'labelsPost'>,
  ): Promise<ApiOutput<'labelsPost'>> {
    return await this.quality.addLabels(caller.actor, scope, body);
  }
}
