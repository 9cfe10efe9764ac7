/** The C inference runtime as WebAssembly, behind a typed wrapper, and the tables of the bundle format. */
export { Runtime } from './runtime.js';
export { applyPayload, type PayloadOptions } from './payload.js';
export { LoadedBundle, type MonitoredValue, type SelfTestResult, type Trace } from './loaded-bundle.js';
export {
  readBundle,
  readRecord,
  readStrings,
  type BundleOperand,
  type BundleStep,
  type BundleTensor,
  type BundleView,
  type Fields,
} from './bundle-view.js';
export * from './generated/bundle-layout.js';
