/* Single values and means over an axis, on int8 (myofin_values_shared.h). */
#ifndef MYOFIN_VALUES_S8_H
#define MYOFIN_VALUES_S8_H

#include <stdint.h>

#define MYOFIN_VALUE_T int8_t
#define MYOFIN_VALUE_MIN INT8_MIN
#define MYOFIN_VALUE_MAX INT8_MAX

#include "myofin_values_shared.h"

#endif
