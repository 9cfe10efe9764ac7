// The search, buttons that copy, and the list of contents on small screens.
const input = document.querySelector('header input');
const found = document.querySelector('#found');
const menu = document.querySelector('header .menu');
let index;

async function load() {
  const [{ default: MiniSearch }, sections] = await Promise.all([
    import('./minisearch.js'),
    fetch('/docs/search.json').then((response) => response.json()),
  ]);
  const search = new MiniSearch({
    idField: 'address',
    fields: ['heading', 'page', 'text'],
    storeFields: ['heading', 'page', 'text', 'address'],
    searchOptions: { boost: { heading: 4, page: 2 }, prefix: true, fuzzy: 0.15, combineWith: 'AND' },
  });
  search.addAll(sections);
  return search;
}

async function show() {
  const words = input.value.trim();
  found.hidden = words === '';
  if (words === '') return;
  index ??= load();
  const search = await index;
  if (words !== input.value.trim()) return;
  const hits = search.search(words).slice(0, 12);
  found.replaceChildren(...(hits.length > 0 ? hits.map((hit) => row(hit)) : [nothing(words)]));
}

function row({ heading, page, text, address, terms }) {
  const link = document.createElement('a');
  link.href = address;
  const title = document.createElement('strong');
  title.textContent = heading === page ? page : `${page} › ${heading}`;
  const at = Math.max(0, text.toLowerCase().indexOf(terms[0] ?? '') - 60);
  const excerpt = document.createElement('span');
  excerpt.textContent = (at > 0 ? '… ' : '') + text.slice(at, at + 180);
  link.append(title, excerpt);
  return link;
}

function nothing(words) {
  const text = document.createElement('p');
  text.textContent = `Nothing has “${words}”.`;
  return text;
}

function close() {
  found.hidden = true;
  input.value = '';
}

input.addEventListener('input', () => void show());
input.form.addEventListener('submit', (event) => {
  event.preventDefault();
  found.querySelector('a')?.click();
});
found.addEventListener('click', close);
document.addEventListener('keydown', (event) => {
  const isTyping = /^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '');
  if (event.key === '/' && !isTyping) {
    event.preventDefault();
    input.focus();
  }
  if (event.key === 'Escape') close();
  if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !found.hidden) {
    const links = [...found.querySelectorAll('a')];
    const next = links.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1);
    event.preventDefault();
    (links[next] ?? input).focus();
  }
});

menu.addEventListener('click', () => {
  const isOpen = document.body.classList.toggle('open');
  menu.setAttribute('aria-expanded', String(isOpen));
});

for (const block of document.querySelectorAll('article pre')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.addEventListener('click', () => {
    void navigator.clipboard.writeText(block.querySelector('code')?.textContent ?? '').then(() => {
      button.textContent = 'Copied';
      setTimeout(() => (button.textContent = 'Copy'), 1_500);
    });
  });
  const frame = document.createElement('div');
  frame.className = 'code';
  block.replaceWith(frame);
  block.tabIndex = 0;
  frame.append(block, button);
}
