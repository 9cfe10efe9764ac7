// A device's byte stream to its broker as the firmware sees it (device.h: net_open, net_send, net_receive, net_close).
// A TCP socket in a real run, a link in virtual time in the lab.

export interface DeviceLink {
  /** 1 open, 0 connecting, negative failed. */
  netOpen(): number;
  /** Bytes taken; 0 while the stream is congested, negative when it is gone. `data` is the firmware's memory: copy it. */
  netSend(data: Uint8Array): number;
  /** Bytes given, at most `into.length`; negative when the stream is gone and everything that had arrived was given. */
  netReceive(into: Uint8Array): number;
  netClose(): void;
  /** The firmware has asked for a connection and not closed it. */
  readonly inUse: boolean;
  /** Starts or ends an outage; a running connection is cut without a farewell. */
  setOutage(outage: boolean): void;
}
