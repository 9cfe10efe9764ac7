// docs/roles.md from the route table: what each role may do. The table is TypeScript, so the workspace's build runs first.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from '../../workspace/build.mjs';

const ROLES = ['viewer', 'operator', 'developer', 'admin'];

/** @param {string} root @returns {Promise<{path: string, text: string}[]>} */
export async function generate(root) {
  await build({ quiet: true, sites: false });
  const { areaOf, routes } = await import(pathToFileURL(join(root, 'libs/contracts/dist/index.js')).href);
  const all = Object.entries(routes).map(([name, route]) => ({ name, area: areaOf(route), ...route }));
  const ofProject = all.filter(({ path }) => path.includes('/:project'));
  const others = all.filter(({ path }) => !path.includes('/:project'));
  const text = [
    '# Roles',
    '',
    '<!-- Generated from libs/contracts/src/routes by npm run generate. -->',
    '',
    'Everybody has one role in each project he is a member of. The roles are, from least to most: viewer (looks), operator',
    '(devices, groups, rollouts), developer (models, builds, releases, webhooks), admin (members, keys, audit log, the',
    'project itself). Each may do what the ones before it may. A project one is no member of does not exist: its addresses',
    'answer 404. Administrators of the instance are admins of every project; they also make projects and manage people.',
    'How to sign in, invite and limit tokens: [access.md](access.md).',
    '',
    '## In a project',
    '',
    '| Area | What | viewer | operator | developer | admin | Request |',
    '| --- | --- | :-: | :-: | :-: | :-: | --- |',
    ...byArea(ofProject).map((route) => {
      const least = ROLES.indexOf(route.access);
      const marks = ROLES.map((_, i) => (i >= least ? '✓' : ''));
      return `| \`${route.area}\` | ${route.summary} | ${marks.join(' | ')} | ${request(route)} |`;
    }),
    '',
    '## Outside of projects',
    '',
    '`anybody` needs no login, `user` is anybody who is logged in, about himself, `administrator` is one of the instance.',
    '',
    '| Area | What | Who | Request |',
    '| --- | --- | --- | --- |',
    ...byArea(others).map((route) => {
      const who = { public: 'anybody', user: 'user' }[route.access] ?? 'administrator';
      return `| \`${route.area}\` | ${route.summary} | ${who} | ${request(route)} |`;
    }),
    '',
  ].join('\n');
  return [{ path: 'docs/roles.md', text }];
}

const byArea = (list) => list.toSorted((a, b) => (a.area < b.area ? -1 : a.area > b.area ? 1 : 0));
const request = ({ method, path }) => `\`${method} ${path}\``;
