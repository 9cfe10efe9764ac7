/** The SharedWorker: one hub for all tabs of this browser. */
import { LiveHub, type HubMessage, type TabMessage } from './live-hub';

const hub = new LiveHub();

addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port === undefined) return;
  const give = (message: HubMessage): void => port.postMessage(message);
  port.onmessage = ({ data }: MessageEvent<TabMessage>) => hub.show(give, data);
});
