/* The block that the RP2350's ROM looks for in the first 4 KiB of flash: an executable for the Arm
 * cores in the secure state, entered through the vector table that the image begins with. */
#include <stdint.h>

#define IMAGE_TYPE 0x42u
#define EXECUTABLE_ARM_SECURE_RP2350 0x1021u
#define LAST_ITEM 0xFFu

__attribute__((used, section(".image_def"), aligned(4))) static const uint32_t image_def[] = {
    0xFFFFDED3u,                                                   /* start of a block */
    (EXECUTABLE_ARM_SECURE_RP2350 << 16) | (1u << 8) | IMAGE_TYPE, /* item, one word long */
    (1u << 8) | LAST_ITEM,                                         /* one word of items before it */
    0u,                                                            /* the next block is this one */
    0xAB123579u,                                                   /* end of the block */
};
