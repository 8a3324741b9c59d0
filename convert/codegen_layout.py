"""Weights of the integer LSTM in the orders that ``runtime/myofin_dot_s8.h`` and its Helium twin read."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BLOCK_COLUMNS: Final = 16
STEPS_AT_ONCE: Final = 3
QUAD_ROWS: Final = 4
GROUP_UNITS: Final = 8
# SXTB16 extracts bytes 0 and 2 of a word, then 1 and 3.
_EXTRACTED: Final = (0, 2, 1, 3)


def padded_columns(columns: int) -> int:
    """Columns in whole blocks.

    >>> padded_columns(48), padded_columns(20)
    (48, 32)
    """
    return -(-columns // BLOCK_COLUMNS) * BLOCK_COLUMNS


def pack_gates(weights: NDArray[np.int8], *, extracted_order: bool) -> NDArray[np.int16]:
    """Four gates of weights as int16 ``[units, blocks of 4 columns, 2 pairs of gates, 4 columns]``.

    A value is 256 times the weight of the pair's second gate plus that of the first.

    Args:
        weights: ``[4, units, columns]``, symmetric: none is -128.
        extracted_order: Whether each four columns stand in the order in which SXTB16 extracts bytes.
    """
    _, units, columns = weights.shape
    padded = np.zeros((4, units, padded_columns(columns)), np.int32)
    padded[:, :, :columns] = weights
    fours = padded.reshape(4, units, -1, 4)
    if extracted_order:
        fours = fours[..., list(_EXTRACTED)]
    pairs = 256 * fours[1::2] + fours[0::2]
    packed: NDArray[Any] = pairs.transpose(1, 2, 0, 3).astype(np.int16)
    return packed


def grouped_rows(gates: NDArray[Any]) -> NDArray[Any]:
    """``[4, units, ...]`` in the order of ``runtime/myofin_lstm_mve_s8.h``: ``[rows, ...]``.

    Groups of 8 units, in them gates, in them units; the last group is filled with zeros to 4 or 8 units.
    """
    units = gates.shape[1]
    padded = np.zeros((4, -(-units // QUAD_ROWS) * QUAD_ROWS, *gates.shape[2:]), gates.dtype)
    padded[:, :units] = gates
    groups = [padded[:, first : first + GROUP_UNITS] for first in range(0, units, GROUP_UNITS)]
    return np.concatenate([group.reshape(-1, *gates.shape[2:]) for group in groups])


def pack_quads(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Four gates of weights as ``[quads, blocks, 4 rows, 16 columns]`` (``runtime/myofin_dot_mve_s8.h``).

    Args:
        weights: ``[4, units, columns]``.
    """
    rows = grouped_rows(weights)
    padded = np.zeros((len(rows), padded_columns(rows.shape[1])), np.int8)
    padded[:, : rows.shape[1]] = rows
    quads = padded.reshape(-1, QUAD_ROWS, padded.shape[1] // BLOCK_COLUMNS, BLOCK_COLUMNS)
    return np.ascontiguousarray(quads.transpose(0, 2, 1, 3))


def pack_table_16(table: NDArray[np.int16]) -> NDArray[np.int16]:
    """An embedding table ``[256, width]`` as ``[groups of 2 values, 256, 2]``, filled with zeros."""
    groups = -(-table.shape[1] // 2)
    padded = np.zeros((len(table), 2 * groups), np.int16)
    padded[:, : table.shape[1]] = table
    return np.ascontiguousarray(padded.reshape(len(table), groups, 2).transpose(1, 0, 2))


def doubled_bias(bias: NDArray[np.int64]) -> NDArray[np.int32]:
    """``[4, units]`` to ``[units, 4]``, doubled."""
    return np.ascontiguousarray(2 * bias.T).astype(np.int32)


def pack_table(table: NDArray[np.int8]) -> NDArray[np.int8]:
    """An embedding table ``[256, width]`` as ``[groups of 4 values, 256, 4]``, filled with zeros."""
    groups = -(-table.shape[1] // 4)
    padded = np.zeros((len(table), 4 * groups), np.int8)
    padded[:, : table.shape[1]] = table
    return np.ascontiguousarray(padded.reshape(len(table), groups, 4).transpose(1, 0, 2))
