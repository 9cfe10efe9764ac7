// The compiler: a trained model in, one device type's bundle out. Pure and deterministic: bytes in, bytes out, no I/O.
export * from './ir/index.js';
export { writeTflite } from './backends/tflite/write.js';
export { DEFAULT_LIMITS, type TfliteLimits } from './frontends/tflite/limits.js';
