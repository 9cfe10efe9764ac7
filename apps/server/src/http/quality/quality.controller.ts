/** Accuracy with labels and without, drift from validation data, class mix and versions over time. */
import { Controller } from '@nestjs/common';
import type { ProjectScope } from '@tinyfleet/contracts';
import { DriftMapService, EstimateService, QualityService } from '@tinyfleet/quality';
import { PgStores } from '@tinyfleet/storage';
import { Api, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class QualityController {
  constructor(
    private readonly quality: QualityService,
    private readonly estimates: EstimateService,
    private readonly drift: DriftMapService,
    private readonly stores: PgStores,
  ) {}

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

  @Api('accuracyEstimate')
  async estimate(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'accuracyEstimate'>,
  ): Promise<ApiOutput<'accuracyEstimate'>> {
    return await this.estimates.series(scope, query);
  }

  @Api('deviceEstimates')
  async devices(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'deviceEstimates'>,
  ): Promise<ApiOutput<'deviceEstimates'>> {
    return await this.estimates.devices(scope, query);
  }

  @Api('labelledQuality')
  async labelled(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'labelledQuality'>,
  ): Promise<ApiOutput<'labelledQuality'>> {
    return await this.estimates.labelled(scope, query);
  }

  @Api('cohortCompare')
  async compare(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'cohortCompare'>,
  ): Promise<ApiOutput<'cohortCompare'>> {
    return await this.estimates.compare(scope, query);
  }

  @Api('driftMap')
  async driftMap(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'driftMap'>,
  ): Promise<ApiOutput<'driftMap'>> {
    return await this.drift.map(scope, query);
  }

  @Api('deviceHistograms')
  async histograms(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'deviceHistograms'>,
  ): Promise<ApiOutput<'deviceHistograms'>> {
    const { device } = params;
    const found = await this.drift.device(scope, { device, ...query });
    // Nothing of an unknown device is a mistake of the asker.
    if (found.releases.length === 0) await this.stores.devices.get(scope, device);
    return found;
  }
}
