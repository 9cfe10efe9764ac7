/** One event of a device's tap as a line: what it is, how it is to look, and what it says. */
import { plural, type Resource } from '@tinyfleet/contracts';

type Event = Resource<'DeviceListenEvent'>;

export interface EventLine {
  readonly what: string;
  /** A colour of the theme. */
  readonly tone: string;
  readonly text: string;
}

export function describeEvent(event: Event): EventLine {
  switch (event.kind) {
    case 'listening':
      return { what: 'listening', tone: 'gray', text: event.connected ? 'it is connected' : 'it is away' };
    case 'interrupted':
      return {
        what: 'interrupted',
        tone: 'orange',
        text: 'the broker does not answer; what happens meanwhile is not seen',
      };
    case 'connected':
      return { what: 'connected', tone: 'teal', text: `from ${event.address} by ${event.credential}` };
    case 'disconnected':
      return { what: 'disconnected', tone: 'gray', text: '' };
    case 'subscribed':
      return { what: 'subscribed', tone: 'gray', text: `${event.topic}, QoS ${event.qos}` };
    case 'refused':
      return { what: 'refused', tone: 'red', text: `${event.code}: ${event.reason}` };
    case 'dropped':
      return {
        what: 'left out',
        tone: 'orange',
        text: `${plural(event.messages, 'message')} above the rate shown`,
      };
    case 'message':
      return {
        what: `${event.direction === 'up' ? '↑' : '↓'} ${event.name}${event.will ? ' (will)' : ''}`,
        tone: event.error !== null ? 'red' : event.direction === 'up' ? 'harbour' : 'violet',
        text:
          event.message === null
            ? (event.error?.reason ?? '')
            : JSON.stringify(event.message).slice(1, -1).replaceAll('"', ''),
      };
  }
}
