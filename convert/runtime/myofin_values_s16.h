/* Single values and means over an axis, on int16 (myofin_values_shared.h). */
#ifndef MYOFIN_VALUES_S16_H
#define MYOFIN_VALUES_S16_H

#include <stdint.h>

#define MYOFIN_VALUE_T int16_t
#define MYOFIN_VALUE_MIN INT16_MIN
#define MYOFIN_VALUE_MAX INT16_MAX

#include "myofin_values_shared.h"

#endif
