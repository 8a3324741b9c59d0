/* What a Cortex-M port may define besides uart.h and the stopwatch. */
#ifndef MYOFIN_BOARD_H
#define MYOFIN_BOARD_H

/* Clocks, pins and resets, before the UART is turned on. Boards that need nothing leave it out. */
void board_init(void);

/* The SysTick exception; a fault where no port wants it. */
void systick_handler(void);

#endif
