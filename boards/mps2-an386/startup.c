/* Vector table, reset and fault handling of a Cortex-M4F; nothing here runs twice. */
#include "port.h"

#include <stddef.h>
#include <string.h>

extern uint32_t stack_bottom[], stack_top[];
extern uint32_t data_start[], data_end[], data_image[];
extern uint32_t bss_start[], bss_end[];
extern const uint8_t code_start[], code_end[], constants_end[];

#define STACK_PAINT 0xC5C5C5C5u
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_FPU_FULL_ACCESS (0xFu << 20)

#define MPU_CONTROL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_REGION (*(volatile uint32_t *)0xE000ED98u)
#define MPU_BASE (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_ATTRIBUTES (*(volatile uint32_t *)0xE000EDA0u)
#define MPU_ON_WITH_DEFAULT_MAP 0x5u
#define MPU_NO_ACCESS_256_MIB ((1u << 28) | (27u << 1) | 1u) /* execute never, 2^(27+1) bytes */
#define BELOW_RAM 0x10000000u

int main(void);
void reset_handler(void);
void fault_handler(void);
void report_fault(const uint32_t *frame);
void uart0_receive_handler(void);
void uart0_transmit_handler(void);

typedef void (*vector_t)(void);

enum { SYSTEM_VECTORS = 16, UART0_RX_IRQ = 0, UART0_TX_IRQ = 1, VECTORS = SYSTEM_VECTORS + 2 };

/* Every exception that is not used reports itself instead of running into nowhere. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *initial_stack;
    vector_t handlers[VECTORS - 1];
} vectors = {
    .initial_stack = stack_top,
    .handlers =
        {
            reset_handler,
            fault_handler, /* reset, NMI */
            fault_handler,
            fault_handler, /* hard fault, memory management */
            fault_handler,
            fault_handler, /* bus fault, usage fault */
            NULL,
            NULL,
            NULL, /* reserved */
            NULL,
            fault_handler, /* reserved, SVCall */
            fault_handler,
            NULL, /* debug monitor, reserved */
            fault_handler,
            fault_handler,          /* PendSV, SysTick */
            uart0_receive_handler,  /* interrupt 0 */
            uart0_transmit_handler, /* interrupt 1 */
        },
};

static void paint_stack(void) {
    /* Up to a little under the frame of this very function. */
    uint32_t *const limit = (uint32_t *)__builtin_frame_address(0) - 16;
    for (volatile uint32_t *word = stack_bottom; word < limit; word++) {
        *word = STACK_PAINT;
    }
}

/* Nothing is mapped below RAM, where the stack would grow to; but this board ignores writes there.
 */
static void guard_stack(void) {
    MPU_REGION = 0;
    MPU_BASE = BELOW_RAM;
    MPU_ATTRIBUTES = MPU_NO_ACCESS_256_MIB;
    MPU_CONTROL = MPU_ON_WITH_DEFAULT_MAP;
}

__attribute__((used, noreturn)) void reset_handler(void) {
    guard_stack();
    CPACR |= CPACR_FPU_FULL_ACCESS;
    __asm volatile("dsb\n isb" ::: "memory");
    memcpy(data_start, data_image, (size_t)((uint8_t *)data_end - (uint8_t *)data_start));
    memset(bss_start, 0, (size_t)((uint8_t *)bss_end - (uint8_t *)bss_start));
    paint_stack();
    (void)main();
    for (;;) {
    }
}

uint32_t port_stack_high_water(void) {
    const volatile uint32_t *word = stack_bottom;
    while (word < stack_top && *word == STACK_PAINT) {
        word++;
    }
    return (uint32_t)((const volatile uint8_t *)stack_top - (const volatile uint8_t *)word);
}

port_sizes_t port_sizes(void) {
    const uint32_t data = (uint32_t)((uint8_t *)data_end - (uint8_t *)data_start);
    const uint32_t bss = (uint32_t)((uint8_t *)bss_end - (uint8_t *)bss_start);
    const port_sizes_t sizes = {
        .flash_code = (uint32_t)(code_end - code_start),
        .flash_constants = (uint32_t)(constants_end - code_end) + data,
        .ram_static = data + bss,
        .stack_bytes = (uint32_t)((uint8_t *)stack_top - (uint8_t *)stack_bottom),
    };
    return sizes;
}

/* The stack may be what broke, so the report starts on a fresh one; the old one is only looked at.
 */
__attribute__((naked, used)) void fault_handler(void) {
    __asm volatile("mrs r0, msp\n"
                   "ldr r1, =stack_top\n"
                   "mov sp, r1\n"
                   "b report_fault\n");
}

__attribute__((used, noreturn)) void report_fault(const uint32_t *frame) {
    enum { STACKED_PC = 6, STACKED_WORDS = 8 };
    const uintptr_t address = (uintptr_t)frame;
    const bool readable = address >= (uintptr_t)stack_bottom &&
                          address <= (uintptr_t)stack_top - STACKED_WORDS * sizeof(uint32_t);
    firmware_fault(readable ? frame[STACKED_PC] : 0u);
    for (;;) {
    }
}
