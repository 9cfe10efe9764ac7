/** A rollout's policy as sentences: only what differs from doing nothing special. `parts` of a sentence stand below it. */
import { gateDefaults, plural, type RolloutCreateInput } from '@tinyfleet/contracts';
import { durationText } from '../duration-text.js';
import { formatInUnit, GATE_WORDS } from '../gate-words.js';

const ON_FAILURE = {
  pause: 'it pauses and asks',
  abort: 'it ends; devices that have switched keep the new version',
  rollback: 'all its devices go back to the version before, by themselves',
  'rollback-segment':
    'the devices of the type or site where the evidence is go back; all, when it is everywhere',
} as const;
/** Of shadows: there is nothing to go back from. */
const SHADOW_FAILURE = { pause: 'it pauses and asks', abort: 'it ends' } as const;
const ON_UNDECIDED = {
  pause: 'it pauses and asks',
  continue: 'it goes on all the same',
  rollback: 'its devices go back',
} as const;

export interface Line {
  readonly text: string;
  readonly parts?: readonly string[];
}

export function policyInWords(request: RolloutCreateInput): Line[] {
  const { gates, holdBackPercent = 0, devicesPerMinute, concurrentTransfers, jitterSeconds = 0 } = request;
  const { shadow, ab, onFailure = 'pause' } = request;
  const steps = (request.steps ?? []).map((step) => (typeof step === 'number' ? { percent: step } : step));
  const lines: (string | Line | false | undefined)[] = [
    ...(shadow === undefined ? [] : shadowInWords(shadow)),
    ...(ab === undefined ? [] : abInWords(request.release, ab)),
    request.approval === true && 'Somebody else has to say yes before it starts.',
    request.dynamic === true && 'Devices that match later join the step that runs.',
    holdBackPercent > 0 &&
      `${holdBackPercent} % of the devices stay on the version they have, to the end, for comparison.`,
    steps.some(({ approval }) => approval) && 'Marked steps wait for the yes of somebody else.',
    devicesPerMinute !== undefined && `At most ${plural(devicesPerMinute, 'device')} a minute.`,
    concurrentTransfers !== undefined && `At most ${plural(concurrentTransfers, 'device')} fetch at a time.`,
    jitterSeconds > 0 && `The devices of a step begin spread over ${durationText(jitterSeconds)}.`,
    request.windows !== undefined && request.windows.length > 0 && windowsInWords(request),
    request.batteryFloorPercent !== undefined &&
      `A device with less than ${request.batteryFloorPercent} % battery waits.`,
    request.connections !== undefined && `Fetched only over ${request.connections.join(' or ')}.`,
    ...(shadow !== undefined || ab !== undefined
      ? []
      : gates === undefined
        ? ['No gates: a step is over when its devices are active and its soak has passed.']
        : [
            {
              text: 'Each step has to show, against devices that still run the version before, that it has',
              parts: gates.gates.map(gateInWords),
            },
            holdBackPercent === 0 &&
              (request.lastControlPercent ?? 5) > 0 &&
              `The last ${request.lastControlPercent ?? 5} % wait as the control of the last gates.`,
            `While it does, both sides send telemetry every ${durationText(gates.windowSeconds ?? 300)}.`,
          ]),
    `When more than ${request.maxFailurePercent ?? 5} % of a step fail${gates === undefined ? '' : ', or a gate does'}: ${shadow !== undefined && (onFailure === 'pause' || onFailure === 'abort') ? SHADOW_FAILURE[onFailure] : ON_FAILURE[onFailure]}.`,
    gates !== undefined &&
      steps.some(({ maxSoakSeconds }) => maxSoakSeconds !== undefined) &&
      `When a step is undecided after its longest soak, ${ON_UNDECIDED[request.onUndecided ?? 'pause']}.`,
    `A device that says nothing for ${durationText(request.deviceTimeoutSeconds ?? 600)} counts as silent.`,
  ];
  return lines.flatMap((line) => {
    if (line === false || line === undefined) return [];
    return [typeof line === 'string' ? { text: line } : line];
  });
}

function shadowInWords({ every = 1, seconds = 86_400 }: NonNullable<RolloutCreateInput['shadow']>): string[] {
  const share = every === 1 ? 'every inference' : `every ${every}th inference`;
  return [
    `It runs beside the active model on ${share} for ${durationText(seconds)}; nothing acts on what it says.`,
    'No device switches to it. It stays in the other slot, so installing it afterwards needs no download.',
  ];
}

function abInWords(release: string, ab: NonNullable<RolloutCreateInput['ab']>): string[] {
  const { against = 'what they run', percent = 50, metric = 'confidence', margin } = ab;
  const { unit, margin: usual } = gateDefaults[metric];
  return [
    `B, ${release}, on ${percent} % of the devices of every type and site; A, ${against}, on the others.`,
    `It ends when ${GATE_WORDS[metric].title.toLowerCase()} shows which is better, or that they differ by less than ${formatInUnit(margin ?? usual, unit)};` +
      ` not before ${durationText(ab.minSeconds ?? 3_600)}, and after ${durationText(ab.maxSeconds ?? 1_209_600)} in any case. Nobody is moved then.`,
  ];
}

type Gate = NonNullable<RolloutCreateInput['gates']>['gates'][number];
function gateInWords({ kind, margin }: Gate): string {
  const { unit, margin: usual } = gateDefaults[kind];
  return `at most ${formatInUnit(margin ?? usual, unit)} more ${GATE_WORDS[kind].asks}`.replace(
    /more (lower|slower|change)/,
    '$1',
  );
}

function windowsInWords({ windows = [], timeZone = 'UTC' }: RolloutCreateInput): string {
  const texts = windows.map(
    ({ days, from, to }) =>
      `${days === undefined || days.length === 7 ? 'daily' : days.join(', ')} ${from}–${to}`,
  );
  return `Only ${texts.join(' and ')}, by the clock of each device; without one, by that of ${timeZone}.`;
}
