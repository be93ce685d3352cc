"""The changes that training pairs get."""

from __future__ import annotations

import collections
import random

import pytest

from peregrine_training import augment
from peregrine_training.augment import Augment, Augmenter

PAIR = ('Tom said: "We met Anna in Bremen yesterday."',
        'Tom sagte: "Wir haben Anna gestern in Bremen getroffen."')


def changed(seed: int = 0, **rates: float) -> tuple[str, str]:
    return Augmenter(Augment(**rates), random.Random(seed)).pair(*PAIR)


def test_nothing_is_changed_without_rates():
    assert Augmenter(Augment(), random.Random(0)).pairs([PAIR] * 3) == [PAIR] * 3


def test_the_seed_decides():
    rates = Augment(**{name: 0.3 for name in vars(Augment())})
    first, again, other = (Augmenter(rates, random.Random(seed)).pairs([PAIR] * 50)
                           for seed in (1, 1, 2))
    assert first == again and first != other


def test_rates_are_shares():
    rates = Augment(all_capitals=0.25)
    pairs = Augmenter(rates, random.Random(3)).pairs([PAIR] * 2000)
    assert 0.22 < sum(source.isupper() for source, _ in pairs) / 2000 < 0.28


def test_a_rate_above_one_is_refused():
    with pytest.raises(ValueError, match="augment.typos is 2; expected 0 to 1"):
        Augment(typos=2)


def test_capitals():
    assert changed(all_capitals=1.0) == (PAIR[0].upper(), PAIR[1].upper())
    assert changed(title_case=1.0) == (
        'Tom Said: "We Met Anna In Bremen Yesterday."', PAIR[1])
    assert changed(lower_case=1.0) == (PAIR[0].lower(), PAIR[1])


def test_the_final_stop_goes_on_both_sides():
    assert changed(no_final_stop=1.0) == (PAIR[0][:-2], PAIR[1][:-2])
    rates = Augmenter(Augment(no_final_stop=1.0), random.Random(0))
    assert rates.pair("No stop", "Kein Punkt.") == ("No stop", "Kein Punkt.")


def distance(a: str, b: str) -> int:
    """Letters inserted, left out or replaced between two texts."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        left, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            left, row[j + 1] = row[j + 1], min(left + (x != y), row[j] + 1, row[j + 1] + 1)
    return row[-1]


def test_typos_change_words_of_the_source_alone():
    kinds = collections.Counter()
    for seed in range(200):
        source, target = changed(seed, typos=1.0)
        assert target == PAIR[1]
        assert distance(source, PAIR[0]) <= 2
        kinds[len(source) - len(PAIR[0])] += 1
    assert set(kinds) == {-1, 0, 1}
    assert augment.with_typos("no, go!", random.Random(0)) == "no, go!"


def test_one_to_three_are_joined_and_none_is_lost():
    pairs = [(f"a{i}", f"b{i}") for i in range(300)]
    joined = Augmenter(Augment(joined=0.5), random.Random(0)).pairs(pairs)
    assert " ".join(source for source, _ in joined) == " ".join(a for a, _ in pairs)
    assert all(source.replace("a", "b") == target for source, target in joined)
    assert {len(source.split()) for source, _ in joined} == {1, 2, 3}


def test_what_is_inserted_stands_on_both_sides_at_the_aligned_place():
    places = collections.Counter()
    for seed in range(400):
        random_state = random.Random(seed)
        source, target = augment.inserted(*PAIR, augment.copied(random_state), random_state)
        words, theirs = source.split(), target.split()
        new = [word for word in words if word not in PAIR[0].split()]
        what = next((word for word in new if word.rstrip('."') in target), None)
        if what is None or " " in what:
            continue
        at, beside = words.index(what), [i for i, word in enumerate(theirs)
                                         if word.rstrip('."') == what.rstrip('."')][0]
        if 0 < at < len(words) - 1:
            assert words[at - 1] == theirs[beside - 1] in ("Anna", "Bremen")
            places["beside a name"] += 1
        else:
            assert (at == 0) == (beside == 0)
            places["start" if at == 0 else "end"] += 1
    assert min(places.values()) > 20 and len(places) == 3


def test_markers_stand_on_both_sides_for_the_same():
    markers = [f"<m{number}>" for number in range(6)]
    kinds = collections.Counter()
    for seed in range(300):
        source, target = augment.marked(*PAIR, markers, random.Random(seed))
        used = [marker for marker in markers if marker in source]
        assert 1 <= len(used) <= 3
        for marker in markers:
            assert source.count(marker) == target.count(marker) == (marker in used)
        if len(used) > 1:
            continue
        words, theirs = ([word.rstrip('."') for word in side.split()] for side in (source, target))
        gone = {"Anna", "Bremen"} - set(words)
        assert gone == {"Anna", "Bremen"} - set(theirs)
        if gone:
            name = gone.pop()
            assert (source.replace(used[0], name), target.replace(used[0], name)) == PAIR
            kinds["for a name"] += 1
        else:
            kinds["inserted"] += 1
    assert min(kinds.values()) > 20 and len(kinds) == 2


def test_pairs_that_are_joined_have_each_marker_once():
    markers = ["<m0>", "<m1>"]
    pairs = Augmenter(Augment(joined=0.9, marked=1.0), random.Random(0), markers).pairs([PAIR] * 90)
    for source, target in pairs:
        assert {source.count(marker) for marker in markers} <= {0, 1}
        assert any(marker in source for marker in markers)
    assert Augmenter(Augment(marked=1.0), random.Random(0)).pairs([PAIR]) == [PAIR]


def test_all_kinds_are_inserted():
    seen = " ".join(augment.copied(random.Random(seed)) for seed in range(400))
    for part in ("https://", "@", "{", "<", "%s", "🎉"):
        assert part in seen
    assert any("\u4e00" <= letter < "\u9fff" for letter in seen)
    assert any("\u0410" <= letter < "\u0450" for letter in seen)


def test_quotes_and_spaces_change_in_the_source_alone():
    for seed in range(20):
        source, target = changed(seed, other_quotes=1.0)
        assert target == PAIR[1] and '"' not in source
        assert source.replace("„", '"') != source or len(source) >= len(PAIR[0])
        spaced, target = changed(seed, double_spaces=1.0)
        assert target == PAIR[1] and spaced.split() == PAIR[0].split()
