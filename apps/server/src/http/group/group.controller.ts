/** Groups of devices, and actions on many devices. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { BulkService, GroupService } from '@tinyfleet/registry';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class GroupController {
  constructor(
    private readonly groups: GroupService,
    private readonly bulk: BulkService,
    private readonly stores: PgStores,
  ) {}

  @Api('groupList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'groupList'>,
  ): Promise<ApiOutput<'groupList'>> {
    return await this.groups.list(scope, query);
  }

  @Api('groupCreate')
  async create(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'groupCreate'>,
  ): Promise<ApiOutput<'groupCreate'>> {
    return await this.groups.create(caller.actor, scope, body);
  }

  @Api('groupGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'groupGet'>,
  ): Promise<ApiOutput<'groupGet'>> {
    return await this.groups.get(scope, params.group);
  }

  @Api('groupUpdate')
  async update(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'groupUpdate'>,
  ): Promise<ApiOutput<'groupUpdate'>> {
    return await this.groups.update(caller.actor, scope, params.group, body);
  }

  @Api('groupDelete')
  async remove(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'groupDelete'>,
  ): Promise<void> {
    await this.groups.remove(caller.actor, scope, params.group);
  }

  @Api('groupMembers')
  async members(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'groupMembers'>,
  ): Promise<ApiOutput<'groupMembers'>> {
    return await this.stores.devices.list(
      scope,
      { kind: 'is', field: 'group', values: [params.group] },
      query,
    );
  }

  @Api('groupMembersAdd')
  async addMembers(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'groupMembersAdd'>,
  ): Promise<ApiOutput<'groupMembersAdd'>> {
    return await this.groups.changeMembers(caller.actor, scope, params.group, { ...body, remove: false });
  }

  @Api('groupMembersRemove')
  async removeMembers(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'groupMembersRemove'>,
  ): Promise<ApiOutput<'groupMembersRemove'>> {
    return await this.groups.changeMembers(caller.actor, scope, params.group, { ...body, remove: true });
  }

  @Api('deviceBulkAction')
  async act(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'deviceBulkAction'>,
  ): Promise<ApiOutput<'deviceBulkAction'>> {
    return await this.bulk.run(caller.actor, scope, body);
  }

  @Api('bulkActionList')
  async bulkActions(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'bulkActionList'>,
  ): Promise<ApiOutput<'bulkActionList'>> {
    return await this.bulk.list(scope, query);
  }

  @Api('bulkActionGet')
  async bulkAction(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'bulkActionGet'>,
  ): Promise<ApiOutput<'bulkActionGet'>> {
    return await this.bulk.get(scope, params.action);
  }

  @Api('bulkActionCancel')
  async cancelBulkAction(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'bulkActionCancel'>,
  ): Promise<ApiOutput<'bulkActionCancel'>> {
    return await this.bulk.cancel(caller.actor, scope, params.action);
  }
}
