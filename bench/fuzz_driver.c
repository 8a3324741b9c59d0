/* Calls the fuzz target without a fuzzer: `fuzz SEED INPUTS` makes inputs from a seed, the same
 * each time. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_BYTES 2048u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_tally(uint64_t tally[3]);

static uint64_t state;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1Du;
}

/* Short and long, of random bytes, of few values, and with runs of zeros and of ones. */
static size_t make(uint8_t *input) {
    const size_t size = next() % ((next() % 4u) == 0u ? INPUT_BYTES : 96u);
    const uint64_t kind = next() % 4u;
    for (size_t i = 0; i < size; i++) {
        const uint64_t random = next() >> 32;
        input[i] = (uint8_t)(kind == 0u ? random : kind == 1u ? random % 6u : random % 256u);
        if (kind == 2u && random % 5u == 0u) {
            input[i] = random % 2u == 0u ? 0u : 0xFFu;
        }
    }
    return size;
}

int main(int count, char **arguments) {
    static uint8_t input[INPUT_BYTES];
    uint64_t tally[3];
    if (count != 3) {
        return 2;
    }
    state = strtoull(arguments[1], NULL, 10) * 2u + 1u;
    for (uint64_t left = strtoull(arguments[2], NULL, 10); left > 0u; left--) {
        (void)LLVMFuzzerTestOneInput(input, make(input));
    }
    fuzz_tally(tally);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", tally[0], tally[1], tally[2]);
    return 0;
}
