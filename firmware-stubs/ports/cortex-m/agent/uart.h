// What the board's own files ask of its line to the modem, beside serial.h.
#ifndef UART_H
#define UART_H

// Whether bytes have come in that nobody has looked at, or the line takes bytes again after it did not.
int uart_is_ready(void);
void uart_interrupt(void);

#endif
