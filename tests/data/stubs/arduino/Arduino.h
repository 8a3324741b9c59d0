// What a sketch takes for granted of Arduino's core, printing to the terminal.
#pragma once
#include <cstdint>
#include <iostream>

struct Terminal {
    void begin(unsigned long) {}
    explicit operator bool() const { return true; }
    template <typename T> void print(const T &value) { std::cout << value; }
    template <typename T> void println(const T &value) { std::cout << value << '\n'; }
};

inline Terminal Serial;
