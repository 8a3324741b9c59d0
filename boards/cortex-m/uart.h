/* What channel.c needs of a UART. One byte at a time; nothing here waits. */
#ifndef MYOFIN_UART_H
#define MYOFIN_UART_H

#include <stdbool.h>
#include <stdint.h>

/* Turn it on, with its interrupts. */
void uart_init(void);

/* Withdraw the interrupt requests; called before the data they are about is taken. */
void uart_acknowledge(void);

/* Take the byte that has come; false when there is none. */
bool uart_receive(uint8_t *byte);

/* Let received bytes interrupt, or wait in the UART. */
void uart_receive_interrupt(bool on);

/* Whether a byte was lost since the last call. */
bool uart_overrun(void);

/* Send one byte; false when the one before has not left. */
bool uart_send(uint8_t byte);

/* Whether a byte is on its way out. */
bool uart_busy(void);

#endif
