// Sensor worlds: seeded generators and recorded files whose frames are a model's quantized input. Shared by the
// simulator, which shows them to devices, and by the demo model's trainer. No I/O here.
export * from './machine.js';
export * from './random.js';
export * from './sound.js';
export * from './spectra.js';
export * from './stream.js';
export * from './vibration.js';
export * from './recorded.js';
