/** What is known of a deployment, as moments in their order; what is still to come stands last and has no time. */
import { plural, type Resource } from '@tinyfleet/contracts';

export interface StoryLine {
  readonly at: string | null;
  readonly title: string;
  readonly about: string;
  readonly color: string;
}

type Deployment = Pick<
  Resource<'Deployment'>,
  | 'state'
  | 'attempts'
  | 'notBefore'
  | 'offeredAt'
  | 'heardAt'
  | 'finishedAt'
  | 'updatedAt'
  | 'errorCode'
  | 'errorTitle'
>;
type State = Deployment['state'];

const [BUSY, GOOD, BAD, CALM, WARN] = ['#1f87c9', '#009e73', '#d55e00', '#858585', '#e69f00'];

/** What a device is doing in a state, and what comes of it. */
const STATES: Readonly<Record<State, readonly [title: string, about: string, color: string]>> = {
  waiting: ['Waits', 'its step, window or turn has not come', CALM],
  offered: ['Offered', 'it has not answered yet', BUSY],
  fetching: ['Fetches', 'chunk by chunk', BUSY],
  verified: ['Verified', 'every byte is there, and the signature is good', BUSY],
  staged: ['Staged', 'it lies in the other slot', BUSY],
  trial: ['On trial', 'it runs it for the first time, and can still go back by itself', BUSY],
  soak: ['Soaks', 'it runs it, and keeps the old one until it is sure', BUSY],
  active: ['Active', 'it runs it for good', GOOD],
  reverted: ['Went back by itself', '', BAD],
  failed: ['Failed', '', BAD],
  incompatible: ['Cannot take it', '', WARN],
  silent: ['Silent', 'it was not heard of in time', BAD],
  aborted: ['Withdrawn', 'the rollout ended before it switched', CALM],
  control: ['Held back', 'it stays on the version before, for comparison', CALM],
  held: ['Held', 'a person keeps it as it is', CALM],
  unreached: ['Not reached', 'it has been away since before the offer, which stands', WARN],
  shadow: ['Shadow', 'it runs beside the active model, and nothing acts on what it says', BUSY],
  compared: ['Compared', 'it ran beside the active model, and lies in the other slot', GOOD],
  returning: ['Goes back', 'it is told to run the version before', WARN],
  returned: ['Back', 'it runs the version before', WARN],
};

/** In the order of time. */
export function storyOf(deployment: Deployment): StoryLine[] {
  const { state, attempts, offeredAt, heardAt, updatedAt, errorCode, errorTitle, notBefore } = deployment;
  const [title, words, color] = STATES[state];
  const error = errorTitle === null ? [] : [errorTitle];
  const code = errorCode === null ? [] : [`code ${errorCode}`];
  const now: StoryLine = {
    at: deployment.finishedAt ?? updatedAt,
    title,
    about: [...(words === '' ? [] : [words]), ...error, ...code].join(' · '),
    color,
  };
  const before: StoryLine[] = [
    ...(offeredAt === null || state === 'offered'
      ? []
      : [
          {
            at: offeredAt,
            title: 'Offered',
            about: attempts > 1 ? `${plural(attempts, 'time')} in all, this was the first` : '',
            color: BUSY,
          },
        ]),
    ...(heardAt === null
      ? []
      : [{ at: heardAt, title: 'Heard of', about: 'its first word after an offer', color: BUSY }]),
  ];
  const next: StoryLine[] =
    state === 'waiting' && notBefore !== null
      ? [{ at: notBefore, title: 'Not before', about: 'spread, back-off or a rate', color: CALM }]
      : [];
  return [...before, now, ...next].sort((a, b) => (a.at ?? '9').localeCompare(b.at ?? '9'));
}
