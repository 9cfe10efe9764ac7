/** A device's part of a rollout is told in the order in which it happened, whatever its state. */
import { describe, expect, it } from '@jest/globals';
import { DeploymentState } from '@tinyfleet/contracts';
import { storyOf } from './deployment-story.js';

const at = (second: number) => new Date(second * 1_000).toISOString();
const base = {
  attempts: 1,
  notBefore: null,
  offeredAt: null,
  heardAt: null,
  finishedAt: null,
  updatedAt: at(1),
  errorCode: null,
  errorTitle: null,
};

describe('storyOf', () => {
  it('should have one line for how it stands, in every state', () => {
    for (const state of DeploymentState.options) expect(storyOf({ ...base, state })).toHaveLength(1);
  });

  it('should tell offer, first word and end in order', () => {
    const story = storyOf({
      ...base,
      state: 'failed',
      attempts: 3,
      offeredAt: at(2),
      heardAt: at(3),
      finishedAt: at(9),
      updatedAt: at(9),
      errorCode: 502,
      errorTitle: 'Golden vectors differ',
    });
    expect(story.map(({ title, at: when }) => [title, when])).toEqual([
      ['Offered', at(2)],
      ['Heard of', at(3)],
      ['Failed', at(9)],
    ]);
    expect(story[0]?.about).toContain('3 times');
    expect(story[2]?.about).toBe('Golden vectors differ · code 502');
  });

  it('should not tell the offer twice, and name when the next try may be', () => {
    expect(storyOf({ ...base, state: 'offered', offeredAt: at(1) }).map(({ title }) => title)).toEqual([
      'Offered',
    ]);
    expect(storyOf({ ...base, state: 'waiting', notBefore: at(60) }).map(({ title }) => title)).toEqual([
      'Waits',
      'Not before',
    ]);
  });
});
