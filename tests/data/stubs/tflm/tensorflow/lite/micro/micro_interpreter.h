#pragma once
#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace tflite {

class Model;

class MicroInterpreter {
  public:
    MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena, size_t bytes);
    TfLiteStatus AllocateTensors();
    TfLiteStatus Reset();
    TfLiteStatus Invoke();
    size_t arena_used_bytes() const;
    template <typename T> T *typed_input_tensor(int index);
    template <typename T> T *typed_output_tensor(int index);
};

} // namespace tflite
