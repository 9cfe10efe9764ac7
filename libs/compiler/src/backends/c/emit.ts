// The C backend: a plan as the sources of a static library. It decides nothing and computes nothing: constants and step
// records are the bundle's bytes, kernels are the runtime's own files, copied.
import type { BundleContents } from '../bundle/contents.js';
import { identifier } from './identifier.js';
import { cModel, header, source } from './model.js';
import { cmakeLists, exampleMain, makefile, readme } from './project.js';
import { selectSources, type RuntimeSources } from './sources.js';

/**
 * Path -> text of every file of the library, in a stable order.
 * @param runtime the runtime's sources and headers by file name, and its LICENSE
 */
export function emitCLibrary(contents: BundleContents, runtime: RuntimeSources): ReadonlyMap<string, string> {
  const stem = identifier(contents.info.model);
  const model = cModel(stem, contents);
  const kernels = selectSources(runtime, [...new Set(contents.plan.steps.map((step) => step.op))]);
  const units = [
    `${stem}.c`,
    ...[...kernels.files.keys()].filter((name) => name.endsWith('.c')).map((name) => `fleet/${name}`),
  ];
  const files = new Map([
    ['README.md', readme(model)],
    [`${stem}.h`, header(model)],
    [`${stem}.c`, source(model, kernels)],
    ['Makefile', makefile(model, units)],
    ['CMakeLists.txt', cmakeLists(model, units)],
    ['example/main.c', exampleMain(model)],
  ]);
  for (const [name, text] of kernels.files) files.set(`fleet/${name}`, text);
  const license = runtime.get('LICENSE');
  if (license === undefined) throw new Error('invariant: the runtime has a LICENSE');
  return files.set('LICENSE', license);
}
