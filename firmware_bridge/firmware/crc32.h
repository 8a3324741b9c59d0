/* CRC-32 as in zlib. */
#ifndef MYOFIN_CRC32_H
#define MYOFIN_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *data, size_t size);

#endif
