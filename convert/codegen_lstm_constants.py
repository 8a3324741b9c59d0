"""C text of the constants of an integer LSTM: weights in the order of each kernel, and the struct."""

from __future__ import annotations

import numpy as np

from myofin.convert import codegen_text as c
from myofin.convert.codegen_layout import doubled_bias, grouped_rows, pack_gates, pack_quads, padded_columns
from myofin.convert.codegen_program import LstmNumbers, LstmStep


def constants(step: LstmStep) -> str:
    """Weights, biases and the struct of constants."""
    upper, numbers = step.name.upper(), step.numbers
    fields = {
        "units": f"{numbers.units}u",
        "input_blocks": f"{padded_columns(step.frame.size) // 16}u",
        "unit_blocks": f"{padded_columns(numbers.units) // 16}u",
        "input_weights": f"{upper}_WEIGHTS",
        "recurrent_weights": f"{upper}_RECURRENT",
        "input_bias": f"{upper}_BIAS",
        "recurrent_bias": f"{upper}_RECURRENT_BIAS",
        "input_scales": c.scales(numbers.input_scales),
        "recurrent_scales": c.scales(numbers.recurrent_scales),
        "forget_scale": c.scale(numbers.forget_scale),
        "update_scale": c.scale(numbers.update_scale),
        "hidden_scale": c.scale(numbers.hidden_scale),
        "cell_tanh": f"{{{numbers.tanh_factor}, {numbers.tanh_shift}}}",
        "hidden_zero_point": str(numbers.hidden_zero_point),
        "cell_clip": str(int(numbers.cell_clip)),
    }
    return "\n".join(
        [
            f"#if {c.HELIUM}",
            *_helium_weights(upper, numbers),
            "#else",
            *_packed_weights(upper, numbers),
            "#endif",
            "",
            c.struct("myofin_lstm_s8_t", upper, fields, helium=("recurrent_bias",)),
        ]
    )


def _packed_weights(upper: str, numbers: LstmNumbers) -> list[str]:
    order = "[unit][4 columns][pair of gates][column]: 256 * second gate + first gate"
    weights = pack_gates(numbers.input_weights, extracted_order=True)
    recurrent = pack_gates(numbers.recurrent_weights, extracted_order=False)
    bias = doubled_bias(numbers.input_bias.astype(np.int64))
    return [
        c.array(f"{upper}_WEIGHTS", weights, order),
        c.array(f"{upper}_RECURRENT", recurrent, order),
        c.array(f"{upper}_BIAS", bias, "[unit][gate], twice"),
    ]


def _helium_weights(upper: str, numbers: LstmNumbers) -> list[str]:
    order = "[4 rows][16 columns][row][column]; rows: [8 units][gate][unit]"
    bias = grouped_rows(numbers.input_bias.astype(np.int32))
    zero = -numbers.hidden_zero_point * numbers.recurrent_weights.sum(axis=2, dtype=np.int32)
    return [
        c.array(f"{upper}_WEIGHTS", pack_quads(numbers.input_weights), order),
        c.array(f"{upper}_RECURRENT", pack_quads(numbers.recurrent_weights), order),
        c.array(f"{upper}_BIAS", bias, "[row]"),
        c.array(f"{upper}_RECURRENT_BIAS", grouped_rows(zero), "[row]"),
    ]
