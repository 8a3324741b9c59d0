"""LDA in closed form, against scikit-learn, and as a head."""

import numpy as np
import pytest

from myofin.train.lda import EXPECTED_SHARES, choose, choose_shrinkage, covariance_of, fit_lda

RNG = np.random.default_rng(3)
CLASSES = np.repeat(np.arange(4), 60)
FEATURES = RNG.normal(size=(240, 6)) @ RNG.normal(size=(6, 6)) + RNG.normal(size=(4, 6))[CLASSES]


@pytest.mark.parametrize("shrinkage", [0.001, 0.3])
def test_decides_as_scikit_learn(shrinkage):
    sklearn = pytest.importorskip("sklearn.discriminant_analysis", reason="scikit-learn is in extra train")
    ours = fit_lda(FEATURES, CLASSES, 4, shrinkage)
    # scikit-learn scales by n, we by n - classes; and it standardises before it shrinks only with its own
    # estimators, not with a float, so this factor is all that differs.
    theirs = sklearn.LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=[0.25] * 4)
    scores = theirs.fit(FEATURES, CLASSES).decision_function(FEATURES)
    scores -= scores.mean(axis=1, keepdims=True)
    assert np.allclose(ours.scores(FEATURES) * 240 / 236, scores, rtol=1e-6, atol=1e-6)


def test_scores_of_the_classes_have_nothing_in_common():
    head = fit_lda(FEATURES, CLASSES, 4, 0.01)
    assert np.allclose(head.scores(FEATURES).sum(axis=1), 0, atol=1e-9)


def test_survives_features_that_never_vary():
    flat = np.concatenate([FEATURES, np.ones((240, 2))], axis=1)
    assert np.isfinite(fit_lda(flat, CLASSES, 4, 1e-4).scores(flat)).all()


def test_expected_changes_are_as_if_each_window_had_been_seen_changed_to_both_sides():
    changes = RNG.normal(size=(240, 6)) * (0.1, 0.1, 2.0, 0.1, 0.1, 3.0)
    both = np.concatenate([FEATURES + changes, FEATURES - changes])
    seen = fit_lda(both, np.tile(CLASSES, 2), 4, 0.0)
    # Means stay, cross terms cancel: only what the sums of squares are divided by differs.
    expected = fit_lda(FEATURES, CLASSES, 4, 0.0, covariance_of(changes) * 240 / 236)
    assert np.allclose(seen.kernel * 2 * 236 / 476, expected.kernel)
    assert not np.allclose(fit_lda(FEATURES, CLASSES, 4, 0.0).kernel, expected.kernel, rtol=0.5)


def test_repetitions_left_out_choose_the_shrinkage_and_ties_go_to_the_stronger():
    repetitions = np.tile(np.arange(3), 80)
    choices = (1e-4, 0.05, 0.9)
    accuracies = {
        s: sum(
            fit_lda(FEATURES[repetitions != r], CLASSES[repetitions != r], 4, s).accuracy(
                FEATURES[repetitions == r], CLASSES[repetitions == r]
            )
            for r in range(3)
        )
        for s in choices
    }
    best = max(accuracies.values())
    chosen = choose_shrinkage(FEATURES, CLASSES, repetitions, 4, choices)
    assert chosen == max(s for s, accuracy in accuracies.items() if accuracy == best)


def test_noise_in_many_directions_is_shrunk_and_large_directions_are_not():
    # Few windows in many directions: what the sample says of the small ones does not carry over.
    classes, repetitions = np.tile(np.repeat(np.arange(2), 8), 3), np.repeat(np.arange(3), 16)
    noisy = RNG.normal(size=(48, 40))
    noisy[:, 0] += 2 * classes
    assert choose_shrinkage(noisy, classes, repetitions, 2, (1e-6, 0.9)) == 0.9


def test_the_middle_is_taken_where_no_repetition_can_be_left_out():
    alone = np.zeros(240, dtype=np.int16)
    assert choose_shrinkage(FEATURES, CLASSES, alone, 4, (0.1, 0.2, 0.3)) == 0.2


def test_changes_are_expected_as_far_as_they_cost_at_most_a_point():
    classes = np.tile(np.repeat(np.arange(4), 30), 3)
    repetitions = np.repeat(np.arange(3), 120)
    level = RNG.normal(size=360) * 0.01
    told_apart = np.stack([classes + level, RNG.normal(size=360)], axis=1)
    harmless, small = np.diag((0.0, 9.0)), np.diag((0.02, 0.0))
    assert choose(told_apart, classes, repetitions, 4, harmless).share == EXPECTED_SHARES[0]
    assert choose(told_apart, classes, repetitions, 4, small).share == EXPECTED_SHARES[0]
    # Now both features differ between movements, the second by more noise: expecting that the first changes
    # leaves the second to decide.
    weak = np.stack([classes + level, classes + RNG.normal(size=360)], axis=1)
    ruined = choose(weak, classes, repetitions, 4, np.diag((1e4, 0.0)))
    assert ruined.share == 0.0 and not ruined.expected.any()


def test_nothing_is_expected_where_no_repetition_can_say_what_it_costs():
    alone = np.zeros(len(CLASSES), dtype=int)
    assert choose(FEATURES, CLASSES, alone, 4, np.eye(6)).share == 0.0
