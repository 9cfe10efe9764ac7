/** What bulk actions that run as jobs need from storage. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import type { Filter } from '@tinyfleet/filter';

export type BulkAction = Resource<'BulkAction'>;
export type BulkChange = Resource<'BulkChange'>;

export interface NewBulkAction {
  readonly id: string;
  /** As it was written. */
  readonly text: string;
  readonly filter: Filter;
  readonly change: BulkChange;
  readonly createdBy: string;
  /** Devices that are changed in one transaction. */
  readonly partDevices: number;
}

/** The next devices of an action, in the order of their ids. */
export interface BulkPart {
  readonly number: number;
  readonly deviceIds: readonly string[];
}

export interface BulkEnd {
  readonly state: 'done' | 'failed' | 'cancelled';
  readonly problem?: BulkAction['problem'];
  readonly cancelledBy?: string;
}

export interface BulkActionStore {
  /** Decides now which devices it changes. @returns how many; the action is waiting. @throws registry.group-not-found */
  add(scope: ProjectScope, action: NewBulkAction): Promise<number>;
  /** How many of the project's wait or run. Whoever asks holds off others who would add one, until the transaction ends. */
  countOpen(scope: ProjectScope): Promise<number>;
  list(scope: ProjectScope, page: PageRequest): Promise<Page<BulkAction>>;
  /** @throws registry.bulk-action-not-found */
  get(scope: ProjectScope, id: string): Promise<BulkAction>;
  /** Until the transaction ends: whoever works on it or cancels it waits. @throws registry.bulk-action-not-found */
  lock(scope: ProjectScope, id: string): Promise<BulkAction>;
  /** Undefined when all parts are done. */
  nextPart(scope: ProjectScope, id: string): Promise<BulkPart | undefined>;
  /** The part is done, and gone. */
  advance(
    scope: ProjectScope,
    id: string,
    done: { readonly part: BulkPart; readonly changed: number },
  ): Promise<void>;
  finish(scope: ProjectScope, id: string, end: BulkEnd): Promise<void>;
  /** Whoever asked for an action may still change devices. `actor` as the audit log names him. */
  mayGoOn(scope: ProjectScope, actor: string): Promise<boolean>;
}

/** Puts an action into the queue of jobs, with the transaction that makes or moves it. */
export interface BulkQueue {
  enqueue(scope: ProjectScope, id: string): Promise<void>;
}
