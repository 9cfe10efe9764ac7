/** The name of a device as topics, client ids and URLs spell it. */
export interface DeviceAddress {
  readonly project: string;
  readonly device: string;
}
