// One page: what there is to read on the left, the text, what is on the page on the right.
import { contents } from './contents.mjs';
import { addressOf, base } from './markdown.mjs';

export function render({ content, page, title, stamp }) {
  const name = page.url.slice(1);
  const order = contents.flatMap(({ pages }) => Object.entries(pages));
  const at = order.findIndex(([own]) => own === name);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}${name === '' ? '' : ' · TinyFleet'}</title>
<link rel="icon" href="${base}/favicon.svg">
<link rel="stylesheet" href="${base}/site.css?${stamp}">
<script src="${base}/theme.js?${stamp}"></script>
<script type="module" src="${base}/site.js?${stamp}"></script>
</head>
<body>
<a class="skip" href="#text">Skip to the text</a>
<header>
<button type="button" class="menu" aria-expanded="false" aria-controls="contents">Contents</button>
<a class="home" href="${base}/"><img src="${base}/favicon.svg" alt="" width="24" height="24"> TinyFleet <span>docs</span></a>
<form role="search"><input type="search" aria-label="Search the documentation" placeholder="Search" autocomplete="off"
 aria-controls="found"><kbd>/</kbd></form>
<a class="dashboard" href="/">Dashboard</a>
</header>
<div id="found" role="region" aria-live="polite" aria-label="Found" hidden></div>
<nav id="contents" aria-label="Contents">${contents.map((group) => groupOf(group, name)).join('')}</nav>
<main id="text" tabindex="-1">
<article>${content}</article>
<nav class="next" aria-label="Next">${neighbour(order[at - 1], 'Before')}${neighbour(at < 0 ? order[0] : order[at + 1], 'Next')}</nav>
</main>
<aside aria-label="On this page">${outline(content)}</aside>
</body>
</html>
`;
}

function groupOf({ title, pages }, current) {
  const items = Object.entries(pages).map(([name, text]) => {
    const isHere = name === current || (name === 'errors' && current.startsWith('errors/'));
    return `<li><a href="${addressOf(name)}"${isHere ? ' aria-current="page"' : ''}>${escape(text)}</a></li>`;
  });
  return `<h2>${escape(title)}</h2><ul>${items.join('')}</ul>`;
}

const neighbour = (page, word) =>
  page ? `<a href="${addressOf(page[0])}"><small>${word}</small> ${escape(page[1])}</a>` : '<span></span>';

function outline(content) {
  const headings = [...content.matchAll(/<h([23]) id="([^"]*)"[^>]*>([\s\S]*?)<\/h\1>/g)];
  if (headings.length < 2) return '';
  const items = headings.map(
    ([, level, id, html]) =>
      `<li class="h${level}"><a href="#${id}">${html.replace(/<[^>]*>/g, '')}</a></li>`,
  );
  return `<h2>On this page</h2><ul>${items.join('')}</ul>`;
}

const escape = (text) =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
