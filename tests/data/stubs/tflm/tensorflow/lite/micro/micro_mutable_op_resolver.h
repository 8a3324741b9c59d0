// The parts of TFLM's interface that an export uses, for a check by the compiler alone.
#pragma once

enum TfLiteStatus { kTfLiteOk, kTfLiteError };

namespace tflite {

class MicroOpResolver {};

template <int kOperators> class MicroMutableOpResolver : public MicroOpResolver {
  public:
    TfLiteStatus AddAdd() { return kTfLiteOk; }
    TfLiteStatus AddFullyConnected() { return kTfLiteOk; }
    TfLiteStatus AddStridedSlice() { return kTfLiteOk; }
    TfLiteStatus AddUnidirectionalSequenceLSTM() { return kTfLiteOk; }
};

} // namespace tflite
