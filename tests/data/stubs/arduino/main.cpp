// Calls a sketch as Arduino's core does, with an end.
#include <cstdlib>

void setup();
void loop();

int main(int, char **arguments) {
    setup();
    for (long i = std::atol(arguments[1]); i > 0; i--) {
        loop();
    }
    return 0;
}
