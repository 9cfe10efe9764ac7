// Markdown as the repository shows it becomes Markdown of the site: headings get the anchors that links name, links between
// pages lead to pages, links out of docs/ leave their words, comments are gone.
import { posix } from 'node:path';

export const base = '/docs';

/** @param {string} path of a file below docs/, such as `design/gates.md` @returns {string} `design/gates`; '' for the first page */
export const nameOf = (path) => path.replace(/\.md$/, '').replace(/(^|\/)README$/, '');

/** @returns {string} the address of a page */
export const addressOf = (name) => (name === '' ? `${base}/` : `${base}/${name}`);

/** @param {import('markdown-it')} md */
export function asSite(md) {
  // Texts say `<name>` and mean it.
  md.set({ html: false, linkify: false });
  md.core.ruler.before('normalize', 'comments', (state) => {
    state.src = state.src.replace(/^<!--[\s\S]*?-->\n?/gm, '');
  });
  md.core.ruler.push('site', (state) => {
    const page = state.env.page.inputPath.replace(/^\.\/docs\//, '');
    addAnchors(state.tokens);
    for (const { children } of state.tokens) if (children) leadTo(children, page);
  });
  // A wide table scrolls by itself, and a keyboard can scroll it.
  md.renderer.rules.table_open = () => '<div class="table" tabindex="0"><table>\n';
  md.renderer.rules.table_close = () => '</table></div>\n';
}

/** As code hosts make them, so that one link serves both. */
function addAnchors(tokens) {
  const seen = new Map();
  for (const [i, token] of tokens.entries()) {
    if (token.type !== 'heading_open') continue;
    const slug = slugOf(textOf(tokens[i + 1].children));
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    token.attrSet('id', times === 0 ? slug : `${slug}-${times}`);
  }
}

const textOf = (tokens) => tokens.map(({ type, content }) => (type === 'softbreak' ? ' ' : content)).join('');

const slugOf = (text) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

function leadTo(tokens, page) {
  let isOut = false;
  for (const token of tokens) {
    if (token.type === 'image') token.attrSet('src', `${base}/${within(page, token.attrGet('src'))}`);
    if (token.type === 'link_close' && isOut) {
      isOut = false;
      erase(token);
    }
    if (token.type !== 'link_open') continue;
    const href = token.attrGet('href');
    if (/^([a-z]+:|#)/.test(href)) continue;
    const [path, anchor] = href.split('#');
    const target = within(page, path);
    if (!target.startsWith('..') && target.endsWith('.md'))
      token.attrSet('href', addressOf(nameOf(target)) + (anchor === undefined ? '' : `#${anchor}`));
    else {
      isOut = true;
      erase(token);
    }
  }
}

const within = (page, path) => posix.join(posix.dirname(page), path);

function erase(token) {
  Object.assign(token, { type: 'text', tag: '', content: '', nesting: 0 });
}
