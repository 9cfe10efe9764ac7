/**
 * One silent device is told of by one alert, whoever found out: its contacts that are due, or a watch that misses its windows, of one
 * model or of several.
 */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { ENGINE, openAlert, resolveAlert } from './life.js';
import type { AlertStores, NewAlert } from './ports.js';

export interface OpenedSilence {
  readonly number: number;
  readonly reopened: number;
  /** Those of its devices, and of the alerts that are a part of it. */
  readonly devices: readonly string[];
  /** Numbers of alerts that were resolved because they are a part of it. */
  readonly parts: readonly number[];
}

/**
 * Devices that an alert names already are not told of again: others that fell silent with them join it. When more are silent than in
 * each of the alerts that know some of them, those are a part of the new one.
 * @param sinceMs devices of an alert that a person resolved since then are not told of again, either
 * @returns undefined when nothing was opened
 */
export async function openSilence(
  stores: Pick<AlertStores, 'alerts' | 'events'>,
  scope: ProjectScope,
  alert: NewAlert,
  given: {
    readonly sinceMs: number;
    readonly settings: Pick<Resource<'QualitySettings'>, 'rules' | 'reopenMinutes'>;
  },
): Promise<OpenedSilence | undefined> {
  const { alerts } = stores;
  const known = await alerts.lockSilences(scope, given.sinceMs);
  const told = new Set(known.flatMap(({ incident }) => incident.devices));
  const { devices } = alert.incident;
  const untold = devices.filter((id) => !told.has(id));
  if (untold.length === 0) return undefined;
  const own = new Set(devices);
  const near = known
    .filter(({ isOpen, incident }) => isOpen && incident.devices.some((id) => own.has(id)))
    .toSorted((a, b) => b.incident.devices.length - a.incident.devices.length);
  const [widest] = near;
  const wider =
    known.find(({ isOpen, subject }) => isOpen && subject === alert.subject) ??
    (widest && widest.incident.devices.length >= devices.length ? widest : undefined);
  if (wider) {
    const { number, incident } = wider;
    const joined = { ...incident, devices: [...incident.devices, ...untold], calm: 0 };
    await alerts.seen(scope, number, alert.atMs, joined);
    return undefined;
  }
  const all = [...new Set([...devices, ...near.flatMap(({ incident }) => incident.devices)])];
  const whole = { ...alert, incident: { ...alert.incident, devices: all } };
  const opened = await openAlert(stores, scope, whole, given.settings);
  if (!opened) return undefined;
  for (const { number } of near) {
    const part = await alerts.lock(scope, number);
    const text = `part of alert ${opened.number}`;
    await resolveAlert(stores, scope, part, { by: ENGINE, text, released: true, calm: true });
  }
  return { ...opened, devices: all, parts: near.map(({ number }) => number) };
}
