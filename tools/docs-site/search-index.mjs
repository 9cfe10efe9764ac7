// What the search of the site looks through: the text of every section, with the address of its heading.

/** @returns {{ page: string, heading: string, address: string, text: string }[]} */
export function sectionsOf(html, url) {
  const article = /<article>([\s\S]*)<\/article>/.exec(html)?.[1] ?? '';
  const parts = article.split(/(?=<h[1-4] id=")/).filter((part) => part.startsWith('<h'));
  const page = plain(parts[0]?.match(/<h1[^>]*>([\s\S]*?)<\/h1>/)?.[1] ?? '');
  return parts.map((part) => {
    const [, id, heading] = /^<h[1-4] id="([^"]*)"[^>]*>([\s\S]*?)<\/h/.exec(part) ?? [];
    const text = plain(part.slice(part.indexOf('</h') + 5));
    return { page, heading: plain(heading ?? ''), address: `/docs${url}#${id}`, text };
  });
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"' };
const plain = (html) =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(amp|lt|gt|quot);/g, (_, name) => entities[name])
    .replace(/\s+/g, ' ')
    .trim();
