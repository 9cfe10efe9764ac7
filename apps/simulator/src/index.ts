// The simulator as a library of tests, its own and the server's: the process entry is main.ts.
export { Simulation } from './simulation.js';
export { batteryOf, parseScenario, loadScenario, type Scenario } from './scenarios/scenario.js';
export { Timeline } from './scenarios/timeline.js';
export { World, type DeviceWorld } from './scenarios/world.js';
export { ResetCause, type DeviceSettings, type SimulatedDevice } from './device/device.js';
export { Firmware, InfoWord } from './device/firmware.js';
export { Fleet, type DeviceReport } from './device/fleet.js';
export { activeBytes, activeDigest } from './device/running.js';
export { DeviceSocket } from './network/device-socket.js';
export { BadWire, type WireManners } from './lab/bad-wire.js';
export { VirtualTime } from './lab/virtual-time.js';
