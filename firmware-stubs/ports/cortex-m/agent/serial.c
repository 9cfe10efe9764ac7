// The board's line to the modem: UART1, received by interrupt into a ring.
#include "serial.h"

#include "mps2.h"
#include "uart.h"

enum { ring_bytes = 2048 };

static struct {
  // The interrupt moves `head`, the reader `tail`; both count bytes for ever.
  volatile uint32_t head, tail;
  volatile uint8_t ring[ring_bytes];
  bool blocked; // the transmitter did not take what was offered
} line;

// With interrupts masked, or from the interrupt. A byte that finds the ring full stays in the UART, which then takes no other.
static void fill_ring(void) {
  while ((MPS2_REGISTER(mps2_uart1, uart_state) & uart_receive_full) != 0 && line.head - line.tail < ring_bytes) {
    line.ring[line.head % ring_bytes] = (uint8_t)MPS2_REGISTER(mps2_uart1, uart_data);
    line.head++;
  }
}

void uart_interrupt(void) {
  MPS2_REGISTER(mps2_uart1, uart_interrupt_clear) = uart_receive_pending | uart_transmit_pending;
  fill_ring();
}

static bool transmitter_takes(void) { return (MPS2_REGISTER(mps2_uart1, uart_state) & uart_transmit_full) == 0; }

int uart_is_ready(void) { return line.head != line.tail || (line.blocked && transmitter_takes()); }

bool serial_take(uint8_t *byte) {
  if (line.head == line.tail) return false;
  *byte = line.ring[line.tail % ring_bytes];
  line.tail++;
  if (line.head - line.tail == ring_bytes - 1) { // it was full
    const uint32_t was = mps2_mask_interrupts();
    fill_ring();
    mps2_restore_interrupts(was);
  }
  return true;
}

bool serial_put(uint8_t byte) {
  line.blocked = !transmitter_takes();
  if (line.blocked) return false;
  MPS2_REGISTER(mps2_uart1, uart_data) = byte;
  return true;
}

void serial_start(void) {
  MPS2_REGISTER(mps2_uart1, uart_baud) = 16; // the fastest it takes
  MPS2_REGISTER(mps2_uart1, uart_ctrl) = uart_transmit_enable | uart_receive_enable |
                                         uart_receive_interrupt | uart_transmit_interrupt;
  MPS2_REGISTER(nvic_enable_0, 0) = 1u << mps2_irq_uart1_receive | 1u << mps2_irq_uart1_transmit;
}
