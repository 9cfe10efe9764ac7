// UART0 at 38,400 baud, received by interrupt into a ring; RTS stops the modem before the ring is full.
#include "serial.h"

#include <avr/interrupt.h>
#include <avr/io.h>

#include "board.h"

enum { ring_bytes = 32, stop_at = 20, go_at = 4 };

static struct {
  volatile uint8_t head, tail; // the interrupt moves head, the reader tail
  uint8_t ring[ring_bytes];
} line;

ISR(USART_RX_vect) {
  const uint8_t byte = UDR0;
  const uint8_t used = (uint8_t)(line.head - line.tail);
  if (used < ring_bytes) line.ring[line.head++ % ring_bytes] = byte; // a modem that ignores RTS loses bytes: CRCs find it
  if (used >= stop_at) PORTD |= 1 << board_rts;
}

bool serial_take(uint8_t *byte) {
  const uint8_t used = (uint8_t)(line.head - line.tail);
  if (used <= go_at) PORTD &= (uint8_t) ~(1 << board_rts);
  if (used == 0) return false;
  *byte = line.ring[line.tail % ring_bytes];
  line.tail++;
  return true;
}

// Waits for the byte before: 260 us.
bool serial_put(uint8_t byte) {
  while ((UCSR0A & 1 << UDRE0) == 0) {
  }
  UDR0 = byte;
  return true;
}

void serial_start(void) {
  UBRR0 = F_CPU / 16 / 38400 - 1;
  UCSR0B = 1 << RXEN0 | 1 << TXEN0 | 1 << RXCIE0;
  UCSR0C = 1 << UCSZ01 | 1 << UCSZ00;
}
