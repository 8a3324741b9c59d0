"""The evaluation protocols as data: which windows teach, which choose and which test, for each job.

A protocol is a function from the subjects there are to a list of jobs; nothing here reads a signal. Windows
of a test repetition never teach and never choose, and a subject that is new is new: what its signal says
about itself is used only in ``calibrate``, and there only in the repetitions named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from myofin.errors import InputError
from myofin.frontend import WINDOW_FRAMES
from myofin.splits import Split

# The paper speaks of six shares of the data; where it is at hand it does not name them. These are ours.
SHARES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
CALIBRATION_REPETITIONS = (1, 2, 4)
AHEAD_HOPS = (0, 5, 10, 15, 20, 25, 30)
WINDOW_LENGTHS = (10, 15, 20, 25, 30)
# A decision each 20 ms: half the windows of the board's 10 ms, which overlap by 97 %.
HOP_FRAMES = 2
# The paper: its FIN learns from subjects 1 to 25 of DB2, windows are 10 ms apart, labels up to 300 ms ahead.
PAPER_DATASET, PAPER_FIN_SUBJECTS, PAPER_HOP_FRAMES, PAPER_AHEAD_HOPS = "ninapro_db2", 25, 1, (0, 30)


@dataclass(frozen=True)
class Subject:
    """What a protocol needs to know of a subject: where it is, who, and its repetitions by use."""

    path: str
    dataset: str
    name: str
    split: Split


@dataclass(frozen=True)
class Use:
    """Repetitions of one subject; ``path`` and ``subject`` find the recording."""

    path: str
    subject: str
    repetitions: tuple[int, ...]


@dataclass(frozen=True)
class Job:
    """One method on one test subject: everything that decides what comes out, but the method's own settings.

    Attributes:
        protocol: Its name.
        variant: What differs between the jobs of a protocol, in words; empty where nothing does.
        dataset: Of the test subject.
        train: What teaches.
        validation: What chooses.
        test: What is decided on.
        others: Participants whose windows may pre-train; never the test subject.
        method: Name of the method.
        seed: Of every choice of chance.
        share: Of each training trial, from its start.
        window_frames: Frames used of each window, the last ones.
        ahead_hops: How far ahead the label lies.
        rest: Whether rest is one of the classes, so that the test is a stream.
        pretrain_on_self: Whether the test subject's training windows may pre-train too.
        hop_frames: Frames from one window to the next.
    """

    protocol: str
    variant: str
    dataset: str
    train: tuple[Use, ...]
    validation: tuple[Use, ...]
    test: Use
    others: tuple[Use, ...]
    method: str
    seed: int
    share: float = 1.0
    window_frames: int = WINDOW_FRAMES
    ahead_hops: int = 0
    rest: bool = False
    pretrain_on_self: bool = True
    hop_frames: int = HOP_FRAMES


@dataclass(frozen=True)
class Plan:
    """What is to be compared: subjects of any data sets, methods, seeds."""

    subjects: tuple[Subject, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    rest: bool = False


def within(plan: Plan) -> list[Job]:
    """Each subject alone: training repetitions teach, validation chooses, test repetitions test."""
    return _jobs(plan, "within", lambda subject: [_own(subject)])


def loso(plan: Plan) -> list[Job]:
    """Zero-shot: all other subjects of the data set teach, the one left out is only tested."""
    return _jobs(plan, "loso", lambda subject: [_left_out(plan, subject)])


def rotation(plan: Plan) -> list[Job]:
    """A FIN of the other subjects on one that it has not seen: what the imitation table shows.

    The subject's own training repetitions set its front end and its head, and nothing of the FIN.
    """
    return _jobs(plan, "rotation", lambda subject: [{**_own(subject), "pretrain_on_self": False}])


def calibrate(plan: Plan) -> list[Job]:
    """A new subject after 1, 2 and 4 of its repetitions, as recorded; the last of several chooses.

    A FIN is that of the other subjects, where there are any: the new one's repetitions are for the head.
    """
    return _jobs(plan, "calibrate", lambda subject: _calibrations(plan, subject))


def fractions(plan: Plan) -> list[Job]:
    """Within subject, from a share of each training trial: its beginning, so that little is little.

    A FIN is that of the other subjects, where there are any: the rest of the trials teaches it nothing.
    """

    def variants(subject: Subject) -> list[dict[str, object]]:
        own = {**_own(subject), "pretrain_on_self": not _mates(plan, subject)}
        return [{**own, "share": share, "variant": f"{share:.0%}"} for share in SHARES]

    return _jobs(plan, "fractions", variants)


def latency(plan: Plan) -> list[Job]:
    """Within subject: labels up to 300 ms ahead of the window, and windows of 100 to 300 ms."""

    def variants(subject: Subject) -> list[dict[str, object]]:
        own = _own(subject)
        ahead = [{**own, "ahead_hops": hops, "variant": f"{hops * 10} ms ahead"} for hops in AHEAD_HOPS]
        lengths = [
            {**own, "window_frames": frames, "variant": f"{frames * 10} ms window"}
            for frames in WINDOW_LENGTHS
        ]
        return ahead + lengths

    return _jobs(plan, "latency", variants)


def paper(plan: Plan) -> list[Job]:
    """The splits of arXiv 2405.19356: who pre-trains the FIN is tuned on repetition 6, others on 1, 3, 4, 6.

    Raises:
        InputError: A recording is not of Ninapro DB2, nobody can pre-train the FIN, or rest is wanted.
    """
    if plan.rest:
        raise InputError("The paper's procedure drops rest.", hint="Leave --rest out.")
    strange = [subject for subject in plan.subjects if subject.dataset != PAPER_DATASET]
    if strange:
        raise InputError(
            f"Subject {strange[0].name} is of {strange[0].dataset}; protocol paper is for {PAPER_DATASET}.",
            hint="Give Ninapro DB2 files such as S1_E1_A1.mat, or use another protocol.",
        )
    if not any(_pretrains(subject) for subject in plan.subjects):
        raise InputError(
            f"None of the subjects is one of 1 to {PAPER_FIN_SUBJECTS}, who pre-train the paper's FIN.",
            hint="Give the recording of one of them as well.",
        )
    return _jobs(plan, "paper", lambda subject: _paper_variants(plan, subject))


PROTOCOLS: Mapping[str, Callable[[Plan], list[Job]]] = MappingProxyType(
    {
        "within": within,
        "loso": loso,
        "rotation": rotation,
        "calibrate": calibrate,
        "fractions": fractions,
        "latency": latency,
        "paper": paper,
    }
)


def make_jobs(protocol: str, plan: Plan) -> list[Job]:
    """Return the jobs of a protocol.

    Raises:
        InputError: The protocol is not known, or needs more subjects of a data set than there are.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"There is no protocol {protocol!r}.", hint=f"Choose from {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[protocol](plan)


def _jobs(
    plan: Plan, protocol: str, variants: Callable[[Subject], Sequence[Mapping[str, object]]]
) -> list[Job]:
    """Jobs by method first: a run that is cut short has whole methods, not halves of all."""
    return [
        Job(
            **{
                "protocol": protocol,
                "variant": "",
                "dataset": subject.dataset,
                "test": Use(subject.path, subject.name, subject.split.test),
                "others": _others(plan, subject),
                "method": method,
                "seed": seed,
                "rest": plan.rest,
                **variant,
            }  # type: ignore[arg-type]
        )
        for method in plan.methods
        for seed in plan.seeds
        for subject in plan.subjects
        for variant in variants(subject)
    ]


def _own(subject: Subject) -> dict[str, object]:
    split = subject.split
    return {
        "train": (Use(subject.path, subject.name, split.train),),
        "validation": (Use(subject.path, subject.name, split.validation),),
    }


def _mates(plan: Plan, subject: Subject) -> list[Subject]:
    return [
        other for other in plan.subjects if other.dataset == subject.dataset and other.name != subject.name
    ]


def _others(plan: Plan, subject: Subject) -> tuple[Use, ...]:
    return tuple(
        Use(other.path, other.name, (*other.split.train, *other.split.validation))
        for other in _mates(plan, subject)
    )


def _left_out(plan: Plan, subject: Subject) -> dict[str, object]:
    mates = _mates(plan, subject)
    if not mates:
        raise InputError(
            f"Subject {subject.name} is the only one of {subject.dataset}: there is nobody to learn from.",
            hint="Give the recordings of at least two subjects for the protocol loso.",
        )
    return {
        "train": tuple(
            Use(mate.path, mate.name, tuple(sorted((*mate.split.train, *mate.split.test)))) for mate in mates
        ),
        "validation": tuple(Use(mate.path, mate.name, mate.split.validation) for mate in mates),
        "pretrain_on_self": False,
    }


def _calibrations(plan: Plan, subject: Subject) -> list[dict[str, object]]:
    recorded = tuple(sorted((*subject.split.train, *subject.split.validation)))
    found: list[dict[str, object]] = []
    for count in CALIBRATION_REPETITIONS:
        if count > len(recorded):
            continue
        teach, choose = recorded[: max(count - 1, 1)], recorded[max(count - 1, 1) : count]
        found.append(
            {
                "train": (Use(subject.path, subject.name, teach),),
                "validation": (Use(subject.path, subject.name, choose),) if choose else (),
                "variant": f"{count} repetition{'s' if count > 1 else ''}",
                "pretrain_on_self": not _mates(plan, subject),
            }
        )
    return found


def _pretrains(subject: Subject) -> bool:
    return subject.name.isdigit() and int(subject.name) <= PAPER_FIN_SUBJECTS


def _paper_variants(plan: Plan, subject: Subject) -> list[dict[str, object]]:
    known = _pretrains(subject)
    others = tuple(
        Use(mate.path, mate.name, mate.split.train) for mate in _mates(plan, subject) if _pretrains(mate)
    )
    tuned = "tuned on 6" if known else "cross-subject"
    return [
        {
            **_own(subject),
            "others": others,
            "pretrain_on_self": known,
            "hop_frames": PAPER_HOP_FRAMES,
            "ahead_hops": hops,
            "variant": tuned + (f", {hops * 10} ms ahead" if hops else ""),
        }
        for hops in PAPER_AHEAD_HOPS
    ]
