/* Vector table, reset and fault handling of any Cortex-M; nothing here runs twice. */
#include "board.h"
#include "build_config.h"
#include "port.h"

#include <stddef.h>
#include <string.h>

extern uint32_t stack_bottom[], stack_top[];
extern uint32_t data_start[], data_end[], data_image[];
extern uint32_t bss_start[], bss_end[];
extern const uint8_t code_start[], code_end[], constants_end[];

#define STACK_PAINT 0xC5C5C5C5u
#define VTOR (*(volatile uint32_t *)0xE000ED08u)
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_FPU_FULL_ACCESS (0xFu << 20)
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define CFSR_STACK_OVERFLOW (1u << 20)

#define MPU_CONTROL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_REGION (*(volatile uint32_t *)0xE000ED98u)
#define MPU_BASE (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_ATTRIBUTES (*(volatile uint32_t *)0xE000EDA0u)
#define MPU_ON_WITH_DEFAULT_MAP 0x5u
#define MPU_NO_ACCESS_256_MIB ((1u << 28) | (27u << 1) | 1u) /* execute never, 2^(27+1) bytes */
#define MPU_REGION_BYTES 0x10000000u

int main(void);
void reset_handler(void);
void fault_handler(void);
void report_fault(const uint32_t *frame);
void uart_handler(void);
void systick_handler(void) __attribute__((weak, alias("fault_handler")));
void afe_handler(void); /* of the board's front end */

typedef void (*vector_t)(void);

#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define UART_LAST_IRQ LARGER(BOARD_UART_RX_IRQ, BOARD_UART_TX_IRQ)
#ifdef BOARD_AFE_IRQ
#define LAST_IRQ LARGER(UART_LAST_IRQ, BOARD_AFE_IRQ)
#else
#define LAST_IRQ UART_LAST_IRQ
#endif
enum { SYSTEM_VECTORS = 16, VECTORS = SYSTEM_VECTORS + LAST_IRQ + 1 };
/* Place in the table below, which begins after the stack's address. */
#define EXCEPTION(number) ((number) - 1u)
#define INTERRUPT(number) (SYSTEM_VECTORS - 1u + (number))

/* Every exception that is not used reports itself instead of running into nowhere; a reserved one
 * and an interrupt that is never enabled stay NULL. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *initial_stack;
    vector_t handlers[VECTORS - 1];
} vectors = {
    .initial_stack = stack_top,
    .handlers =
        {
            [EXCEPTION(1)] = reset_handler,
            [EXCEPTION(2)] = fault_handler,  /* NMI */
            [EXCEPTION(3)] = fault_handler,  /* hard fault */
            [EXCEPTION(4)] = fault_handler,  /* memory management */
            [EXCEPTION(5)] = fault_handler,  /* bus fault */
            [EXCEPTION(6)] = fault_handler,  /* usage fault */
            [EXCEPTION(7)] = fault_handler,  /* secure fault */
            [EXCEPTION(11)] = fault_handler, /* SVCall */
            [EXCEPTION(12)] = fault_handler, /* debug monitor */
            [EXCEPTION(14)] = fault_handler, /* PendSV */
            [EXCEPTION(15)] = systick_handler,
            [INTERRUPT(BOARD_UART_RX_IRQ)] = uart_handler,
#if BOARD_UART_TX_IRQ != BOARD_UART_RX_IRQ
            [INTERRUPT(BOARD_UART_TX_IRQ)] = uart_handler,
#endif
#ifdef BOARD_AFE_IRQ
            [INTERRUPT(BOARD_AFE_IRQ)] = afe_handler,
#endif
        },
};

static void paint_stack(void) {
    /* Up to a little under the frame of this very function. */
    uint32_t *const limit = (uint32_t *)__builtin_frame_address(0) - 16;
    for (volatile uint32_t *word = stack_bottom; word < limit; word++) {
        *word = STACK_PAINT;
    }
}

/* The stack would grow out of RAM downwards. Armv8-M has a register for its limit, Armv7-M an MPU
 * region below RAM, where some boards ignore writes. Armv6-M has neither: nothing is mapped there.
 */
static void guard_stack(void) {
#if defined(__ARM_ARCH_8M_MAIN__) || defined(__ARM_ARCH_8_1M_MAIN__)
    __asm volatile("msr msplim, %0" ::"r"(stack_bottom) : "memory");
#elif defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__)
    MPU_REGION = 0;
    MPU_BASE = (uint32_t)stack_bottom - MPU_REGION_BYTES;
    MPU_ATTRIBUTES = MPU_NO_ACCESS_256_MIB;
    MPU_CONTROL = MPU_ON_WITH_DEFAULT_MAP;
#endif
}

/* The floating-point unit; on Armv8.1-M it holds the vector registers too. */
static void enable_fpu(void) {
#if defined(__ARM_FP)
    CPACR |= CPACR_FPU_FULL_ACCESS;
#endif
}

/* The processor may still look at the vectors of a bootloader that started us. Where the core may
 * lack the register (Armv6-M), the second stage of the boot sets it, if there is one. */
static void use_own_vectors(void) {
#if !defined(__ARM_ARCH_6M__)
    VTOR = (uint32_t)&vectors;
#endif
}

__attribute__((used, noreturn)) void reset_handler(void) {
    use_own_vectors();
    guard_stack();
    enable_fpu();
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

/* Whether a stack limit register caught it; the stack is intact then, and no address is wanted. */
static bool stack_limit_hit(void) {
#if defined(__ARM_ARCH_8M_MAIN__) || defined(__ARM_ARCH_8_1M_MAIN__)
    return (CFSR & CFSR_STACK_OVERFLOW) != 0u;
#else
    return false;
#endif
}

__attribute__((used, noreturn)) void report_fault(const uint32_t *frame) {
    enum { STACKED_PC = 6, STACKED_WORDS = 8 };
    const uintptr_t address = (uintptr_t)frame;
    const bool readable = address >= (uintptr_t)stack_bottom &&
                          address <= (uintptr_t)stack_top - STACKED_WORDS * sizeof(uint32_t);
    firmware_fault(readable && !stack_limit_hit() ? frame[STACKED_PC] : 0u);
    for (;;) {
    }
}
