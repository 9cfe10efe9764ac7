// What tests of several packages share. Only specs import it; nothing here is shipped.
export { FakeClock } from './fake-clock.js';
export { describeWith, findTool, toolPath, type Tool } from './requires.js';
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
