"""Votes and rejection over the decisions of an evaluation, from kept scores: nothing trains anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from myofin.errors import InputError
from myofin.smoothing import Smoothing, delay_ms, smoothed_figures
from myofin.train.work import WorkFolder

_FRAME_MS = 10.0
_SHARES = ("accuracy", "rejected_share", "accuracy_accepted")


def smoothed_rows(
    documents: Iterable[Mapping[str, Any]], folder: Path, smoothing: Smoothing
) -> list[dict[str, Any]]:
    """The rows of the documents, each with ``smoothed``: its figures when decisions vote within each trial.

    Args:
        documents: As ``evaluate`` returns them.
        folder: Its work folder.
        smoothing: Votes and rejection.

    Raises:
        InputError: The scores of a document are gone from the folder.
    """
    work, rows = WorkFolder(folder), []
    for document in documents:
        arrays = work.read_arrays(document["key"])
        if arrays is None:
            raise InputError(
                f"{folder} has lost the scores of a finished job ({document['key'][:12]}).",
                hint="Give another --work, where the jobs are done again.",
            )
        job = document["job"]
        delay = delay_ms(_FRAME_MS * job["window_frames"], _FRAME_MS * job["hop_frames"], smoothing)
        for row in document["rows"]:
            figures = smoothed_figures(
                arrays[f"scores_{row['scheme']}"], arrays["streams"], arrays["truth"], smoothing
            )
            rows.append({**row, "smoothed": {**figures, "delay_ms": delay}})
    return rows


def smoothing_lines(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each protocol, variant, method and scheme: means over subjects and seeds."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        if "smoothed" in row:
            key = tuple(row[name] for name in ("protocol", "variant", "method", "scheme"))
            groups.setdefault(key, []).append(row["smoothed"])
    lines = []
    for key, found in groups.items():
        accuracy, rejected, accepted = (
            np.mean([figures[name] for figures in found if figures[name] is not None] or [np.nan])
            for name in _SHARES
        )
        votes, reject, delay = (found[0][name] for name in ("votes", "reject", "delay_ms"))
        lines.append(
            f"  {' '.join(part for part in key if part)}, {votes} votes, rejecting below {reject:g}:"
            f" right {accuracy:.3f}, rejected {rejected:.3f}, right of the accepted {accepted:.3f};"
            f" a change is seen after about {delay:g} ms and the time to compute"
        )
    return lines
