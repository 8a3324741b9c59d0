"""Where users get the data sets themselves: none is part of this project, and none is downloaded by it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSource:
    """Facts of one data set; ``licence`` says what its publishers state, and what they do not."""

    name: str
    title: str
    where: str
    files: str
    licence: str
    citation: str


_NINAPRO = "https://ninapro.hevs.ch/instructions/"
_TERMS = (
    "free for research after registration; the publishers ask that the papers be cited; read the terms on the"
    " page before passing the files on"
)
_ATZORI = (
    "Atzori M. et al., Electromyography data for non-invasive naturally-controlled robotic hand prostheses,"
    " Scientific Data 1:140053, 2014"
)

SOURCES = (
    DataSource(
        "ninapro_db1",
        "Ninapro DB1: 27 subjects, 10 channels at 100 Hz, a rectified envelope (refused for training)",
        f"{_NINAPRO}DB1.html",
        "S<n>_A1_E<1-3>.mat, in a zip a subject",
        _TERMS,
        _ATZORI,
    ),
    DataSource(
        "ninapro_db2",
        "Ninapro DB2: 40 subjects, 12 channels at 2 kHz, 17 + 23 + 9 movements x 6 repetitions, about 18 GB",
        f"{_NINAPRO}DB2.html",
        "S<n>_E<1-3>_A1.mat (exercise B is E1, C is E2, D is E3), in a zip a subject: no need to unpack",
        _TERMS,
        _ATZORI,
    ),
    DataSource(
        "ninapro_db5",
        "Ninapro DB5: 10 subjects, 16 channels at 200 Hz (two Myo armbands), 12 + 17 + 23 movements",
        f"{_NINAPRO}DB5.html",
        "S<n>_E<1-3>_A1.mat, in a zip a subject: no need to unpack",
        _TERMS,
        "Pizzolato S. et al., Comparison of six electromyography acquisition setups on hand movement"
        " classification tasks, PLoS ONE 12(10):e0186132, 2017",
    ),
    DataSource(
        "3dc",
        "3DC: 22 participants, 10 channels at 1 kHz, 11 gestures x 8 repetitions",
        "https://github.com/UlysseCoteAllard/sEMG_handCraftedVsLearnedFeatures",
        "one .npz a participant: int16 trials (samples, channels) under g<gesture>_r<repetition>, and fs",
        "no licence file in the repository; its README asks that the paper be cited",
        "Côté-Allard U. et al., A low-cost, wireless, 3-D-printed custom armband for sEMG hand gesture"
        " recognition, Sensors 19(12):2811, 2019; Côté-Allard U. et al., IEEE TNSRE 27(4):760-771, 2019",
    ),
)
