// What TFLM asks of a platform: a log, which is compiled out, and an end. Nothing here uses a heap.
#include <cstdarg>

extern "C" void DebugLog(const char *, va_list) {}
extern "C" void abort() { __builtin_trap(); }
