#pragma once

namespace tflite {

class Model;
const Model *GetModel(const void *data);

} // namespace tflite
