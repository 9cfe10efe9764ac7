// Makes the site of docs/, served under /docs: plain Markdown in, plain HTML out, with a search that runs in the page. Nothing
// is loaded from elsewhere.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { relative } from 'node:path';
import { contents, isListed } from './contents.mjs';
import { asSite, nameOf } from './markdown.mjs';
import { sectionsOf } from './search-index.mjs';

const folder = 'tools/docs-site';
/** As a module for browsers. */
const minisearch = relative('.', createRequire(import.meta.url).resolve('minisearch')).replace(
  '/cjs/index.cjs',
  '/es/index.js',
);
const assets = readdirSync(`${folder}/assets`);
/** Of scripts and styles: a page never meets those of another build. */
const stamp = assets
  .reduce((hash, name) => hash.update(readFileSync(`${folder}/assets/${name}`)), createHash('sha256'))
  .digest('hex')
  .slice(0, 8);

export default function site(eleventy) {
  for (const { pages } of contents)
    for (const name of Object.keys(pages))
      if (!existsSync(`docs/${name}.md`) && !existsSync(`docs/${name}/README.md`))
        throw new Error(`${folder}/contents.mjs names a page that is not there: ${name}`);
  const sections = [];
  eleventy.amendLibrary('md', asSite);
  eleventy.addGlobalData('layout', 'page.11ty.mjs');
  eleventy.addGlobalData('stamp', stamp);
  eleventy.addGlobalData('permalink', () => ({ page }) => {
    const name = nameOf(page.inputPath.slice('./docs/'.length));
    if (!isListed(name)) throw new Error(`${folder}/contents.mjs does not name the page ${name}`);
    return name === '' ? 'index.html' : `${name}.html`;
  });
  eleventy.addGlobalData('eleventyComputed', {
    title: ({ page }) => /^# (.+)$/m.exec(readFileSync(page.inputPath, 'utf8'))?.[1]?.replace(/`/g, '') ?? '',
  });
  eleventy.addUrlTransform(({ url }) => url.replace(/\.html$/, ''));
  eleventy.addTransform('sections', function (html) {
    if (this.page.outputPath?.endsWith('.html')) sections.push(...sectionsOf(html, this.page.url));
    return html;
  });
  eleventy.addPassthroughCopy({ 'docs/img': 'img', [`${folder}/assets`]: '.' });
  eleventy.addPassthroughCopy({ [minisearch]: 'minisearch.js' });
  eleventy.on('eleventy.after', ({ directories }) => {
    writeFileSync(`${directories.output}search.json`, JSON.stringify(sections));
  });
}

export const config = {
  dir: { input: 'docs', includes: `../${folder}`, output: `${folder}/dist` },
  markdownTemplateEngine: false,
  templateFormats: ['md'],
};
