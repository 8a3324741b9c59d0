/* The second boot stage of the RP2040, at the very start of flash. The ROM reads 256 bytes, checks
 * the CRC-32 in the last four (the build writes it), copies them to RAM and calls them. This one
 * makes the flash readable at its address with the plain serial read that every chip has, and
 * starts the image behind it. The copy runs elsewhere, so nothing here depends on where it lies. */
#include <stdint.h>

__attribute__((naked, used, section(".boot2"), aligned(256))) void boot2(void) {
    __asm volatile(
        "ldr r0, =0x18000000\n" /* the serial interface behind the flash window */
        "movs r1, #0\n"
        "str r1, [r0, #0x08]\n" /* SSIENR: off while it is set up */
        "movs r2, #4\n"
        "str r2, [r0, #0x14]\n" /* BAUDR: a quarter of the system clock */
        "ldr r2, =0x001F0300\n"
        "str r2, [r0, #0x00]\n" /* CTRLR0: 32-bit frames, send command then read, 1 wire */
        "str r1, [r0, #0x04]\n" /* CTRLR1: one frame a command */
        "ldr r2, =0x03000218\n"
        "movs r3, #0xF4\n"
        "str r2, [r0, r3]\n" /* SPI_CTRLR0: command 03h, 24 address bits */
        "movs r1, #1\n"
        "str r1, [r0, #0x08]\n" /* SSIENR: on, flash can be read from here on */
        "ldr r0, =0x10000100\n" /* the image's vectors */
        "ldr r1, =0xE000ED08\n"
        "str r0, [r1]\n" /* VTOR */
        "ldmia r0!, {r1, r2}\n"
        "msr msp, r1\n"
        "bx r2\n"
        ".ltorg\n"
        ".balign 256, 0\n");
}
