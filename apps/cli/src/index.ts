/** The command line as a function, for tests; the executable is bin/tinyfleet.mjs. */
export { run } from './program.js';
