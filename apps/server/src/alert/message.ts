/** What is said of an alert: as JSON for webhooks, as text and blocks for Slack, as text for e-mail. */
import { alertLinks } from '@tinyfleet/quality';
import type { AlertMessage } from '@tinyfleet/storage';
import { uuidv7 } from 'uuidv7';

const WORDS: Readonly<Record<AlertMessage['event'], string>> = {
  opened: 'New',
  reopened: 'Again',
  escalated: 'Nobody has acknowledged',
  resolved: 'Over',
  test: 'Test',
};
/** Headers of Slack's blocks take no more. */
const SLACK_HEADER = 150;

export const subjectOf = ({ event, severity, title, project }: AlertMessage): string =>
  `[${project}] ${WORDS[event]}: ${title} (${severity})`.replaceAll(/[\r\n]+/gu, ' ');

const command = (message: AlertMessage): string =>
  message.event === 'test'
    ? 'npx tinyfleet alert list'
    : `npx tinyfleet alert show ${message.number} --project ${message.project}`;

/** @param publicUrl where people find the dashboard; without it what is told is a path of it */
function linksOf(message: AlertMessage, publicUrl: string | undefined): ReturnType<typeof alertLinks> {
  const { project, number, kind } = message;
  const { evidence, formula } = alertLinks(project, { number, kind, formula: message.formula ?? undefined });
  const base = publicUrl?.replace(/\/+$/u, '') ?? '';
  return { evidence: `${base}${evidence}`, formula: `${base}${formula}` };
}

export function textOf(message: AlertMessage, publicUrl?: string): string {
  const { event, statements, model, owner, openedAt, reopened } = message;
  const { evidence, formula } = linksOf(message, publicUrl);
  return [
    subjectOf(message),
    '',
    ...statements.map((one) => `- ${one}`),
    '',
    ...(model === null ? [] : [`Model: ${model}`]),
    ...(owner === null ? [] : [`Owner: ${owner}`]),
    `Since: ${openedAt}`,
    ...(reopened > 0 ? [`Came back: ${reopened} times`] : []),
    ...(event === 'test' ? [] : [`Evidence: ${evidence}`, `Formula: ${formula}`]),
    `Look at it: ${command(message)}`,
    '',
  ].join('\n');
}

/** The shape of events that webhooks know. */
export const jsonOf = (message: AlertMessage, publicUrl?: string): string => {
  const { event, project, openedAt, number, formula: _, ...data } = message;
  return JSON.stringify({
    type: `alert.${event}`,
    timestamp: openedAt,
    project,
    number: null,
    data: { alert: number, ...data, ...(event !== 'test' && { links: linksOf(message, publicUrl) }) },
  });
};

/** `text` is what notifications and older systems show. */
export function slackOf(message: AlertMessage, publicUrl?: string): string {
  const { statements } = message;
  // Slack's control characters: nothing that a device said may make a link or call somebody.
  const escape = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const title = subjectOf(message);
  const { evidence, formula } = linksOf(message, publicUrl);
  const look = [
    `\`${escape(command(message))}\``,
    ...(message.event === 'test'
      ? []
      : [
          publicUrl === undefined ? escape(evidence) : `<${escape(evidence)}|Evidence>`,
          publicUrl === undefined ? escape(formula) : `<${escape(formula)}|Formula>`,
        ]),
  ];
  return JSON.stringify({
    text: escape(title),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: title.slice(0, SLACK_HEADER) } },
      ...(statements.length > 0
        ? [
            {
              type: 'section',
              text: {
                type: 'mrkdwn',
                text: statements
                  .map((one) => `• ${escape(one)}`)
                  .join('\n')
                  .slice(0, 2_900),
              },
            },
          ]
        : []),
      { type: 'context', elements: look.map((text) => ({ type: 'mrkdwn', text })) },
    ],
  });
}

export const testMessage = (project: string): { readonly message: AlertMessage; readonly id: string } => ({
  id: `test_${uuidv7()}`,
  message: {
    ...{
      project,
      event: 'test',
      number: 0,
      kind: 'drift',
      severity: 'warning',
      verdict: null,
      scope: 'device',
    },
    ...{ subject: 'test', title: 'a test of this route', model: null, owner: null, reopened: 0 },
    openedAt: new Date().toISOString(),
    formula: null,
    statements: ['Somebody asked for this message; nothing has moved.'],
  },
});
