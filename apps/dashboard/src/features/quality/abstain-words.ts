/** Why there is no estimate, and what would bring one. Reasons are those of libs/quality (label-free/estimate.ts, estimate-service.ts). */
import { splitReleaseRef } from '@tinyfleet/contracts';

export interface Remedy {
  readonly title: string;
  readonly fix: string;
  /** Copyable. */
  readonly command?: string;
  /** Where in the dashboard it is done. */
  readonly page?: 'labels' | 'drift';
}

/** @param release `model@version` that abstains */
export function remedyFor(reason: string, project: string, release: string): Remedy {
  const { model } = splitReleaseRef(release);
  switch (reason) {
    case 'no-validation-data':
      return {
        title: 'No validation data',
        fix: 'Give the next version at least 200 labelled samples: they run through the firmware’s own code and say how often each confidence is right.',
        command: `npx tinyfleet model import v2.tflite --name ${model} --labels @labels.txt --validation x.npy,y.npy --project ${project}`,
      };
    case 'too-few-predictions':
      return {
        title: 'Too few predictions',
        fix: 'It answers by itself when there are 50. A longer range has more of them.',
      };
    case 'unseen-confidences':
      return {
        title: 'Confidences that validation data hardly has',
        fix: 'Add samples like these to the validation data of the next version; until then twenty labels answer.',
        page: 'labels',
      };
    case 'confidences-moved':
      return {
        title: 'Predictions moved',
        fix: 'They are no longer those that were validated, so the map from confidence to being right may not hold. Twenty labels answer.',
        page: 'labels',
      };
    case 'inputs-moved':
      return {
        title: 'Inputs moved',
        fix: 'See which, where and since when; twenty labels tell whether the model still copes.',
        page: 'drift',
      };
    case 'interval-too-wide':
      return {
        title: 'Too uncertain to show',
        fix: 'More validation data or a few labels make the interval narrower.',
        page: 'labels',
      };
    case 'labels-disagree':
      return {
        title: 'Labels contradict the estimate',
        fix: 'Confidences promise more than labels found. Some twenty more labels answer by themselves.',
        page: 'labels',
      };
    default:
      return { title: reason.replaceAll('-', ' '), fix: 'The words say what is missing.' };
  }
}
