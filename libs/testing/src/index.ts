// What tests of several packages share. Only specs import it; nothing here is shipped.
export { FakeClock } from './fake-clock.js';
export { describeWith } from './requires.js';
export { findTool, toolPath, type Tool } from './tools.js';
export { temporaryFolder } from './temporary-folder.js';
export { eventually } from './eventually.js';
export { NO_FLUSH, copyCluster } from './copied-cluster.js';
export {
  buildWorkspace,
  startProduct,
  tinyfleetBin,
  workspaceRoot,
  type CliResult,
  type Product,
  type ProductOptions,
} from './product.js';
