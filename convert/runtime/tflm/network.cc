// The network through TFLM's interpreter, behind the functions of myofin_model.h that the application calls.
#include <cstdint>
#include <cstring>
#include <new>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "model_data.h"
#include "resolver.h"

extern "C" {
#include "myofin_model.h"
}

namespace {

// The objects are made in place: no constructors need to run before main, and nothing uses a heap.
alignas(myofin::Resolver) uint8_t resolver_memory[sizeof(myofin::Resolver)];
alignas(tflite::MicroInterpreter) uint8_t interpreter_memory[sizeof(tflite::MicroInterpreter)];
tflite::MicroInterpreter *interpreter;

void require(bool condition) {
    if (!condition) {
        __builtin_trap(); // reported by the port as a fault at this address
    }
}

// Codes are the model's input: as they are, widened without loss, or as the fractions it was trained on.
void feed(const int8_t *codes, myofin_value_t *input) {
    for (uint32_t i = 0; i < MYOFIN_WINDOW_CODES; i++) {
#if MYOFIN_SCHEME == 0u
        input[i] = static_cast<float>(codes[i]) * (1.0f / 128.0f);
#elif MYOFIN_SCHEME == 1u
        input[i] = codes[i];
#else
        input[i] = static_cast<int16_t>(codes[i] * 256);
#endif
    }
}

void copy_output(int index, uint32_t count, myofin_value_t *values) {
    const myofin_value_t *output = interpreter->typed_output_tensor<myofin_value_t>(index);
    require(output != nullptr);
    std::memcpy(values, output, count * sizeof(myofin_value_t));
}

} // namespace

extern "C" void myofin_network_start(myofin_state_t *state) {
    interpreter = nullptr;
    auto *resolver = new (resolver_memory) myofin::Resolver;
    if (myofin::RegisterOperators(*resolver) != kTfLiteOk) {
        return;
    }
    // The interpreter that may be there is not destroyed: all it holds lay in the arena, which is zeroed.
    auto *made = new (interpreter_memory) tflite::MicroInterpreter(
        tflite::GetModel(myofin_model_data), *resolver, state->arena, MYOFIN_ARENA_BYTES);
    if (made->AllocateTensors() == kTfLiteOk) {
        interpreter = made;
    }
}

extern "C" uint32_t myofin_arena_used(void) {
    return interpreter == nullptr ? 0u : static_cast<uint32_t>(interpreter->arena_used_bytes());
}

// One invocation computes features and logits; myofin_head only hands the logits over.
extern "C" void myofin_fin(myofin_state_t *, const int8_t *codes, myofin_value_t *features) {
    require(interpreter != nullptr);
    // The reference kernels keep the LSTM's state between invocations, CMSIS-NN's zero it.
    require(interpreter->Reset() == kTfLiteOk);
    myofin_value_t *input = interpreter->typed_input_tensor<myofin_value_t>(0);
    require(input != nullptr);
    feed(codes, input);
    require(interpreter->Invoke() == kTfLiteOk);
    copy_output(myofin::kFeaturesOutput, MYOFIN_FEATURES, features);
}

extern "C" void myofin_head(myofin_state_t *, myofin_value_t *logits) {
    copy_output(myofin::kLogitsOutput, MYOFIN_LOGITS, logits);
}
