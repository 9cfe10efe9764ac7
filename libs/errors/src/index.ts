/** Registered error codes and the error type that carries them. Texts: libs/errors/messages. */
export type { ErrorEntry } from './entry.js';
export { errors, type ErrorCode, type ErrorData } from './generated/errors.js';
export {
  FleetError,
  describeDeviceError,
  errorByNumber,
  errorEntry,
  isErrorCode,
  isFleetError,
  type ProblemDetails,
} from './fleet-error.js';
