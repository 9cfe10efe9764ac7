/** The built-in device types: hardware as bought, with what TinyFleet leaves for a model. */
import type { DeviceTypeSpec } from './catalogue/board.js';
import { NORDIC } from './catalogue/nordic.js';
import { OTHERS } from './catalogue/others.js';
import { OWN } from './catalogue/own.js';
import { ST } from './catalogue/st.js';

export { FIRMWARE_ABI, type DeviceTypeSpec } from './catalogue/board.js';

export const CATALOGUE: readonly DeviceTypeSpec[] = [...OWN, ...NORDIC, ...ST, ...OTHERS];
