/* Just enough to start newlib's semihosting crt0 on an emulated MPS2 board: stack and entry. */
extern void _start(void);

__attribute__((section(".vectors"), used)) static const void *const vectors[2] = {
    (void *)0x20400000,
    (void *)_start,
};
