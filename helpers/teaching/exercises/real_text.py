"""Chapter 7's exercises: when to stop, what scores by seed allow, a control, a breaking pair."""

import functools
import re
from dataclasses import replace
from itertools import pairwise

from helpers import models, training
from helpers.data import Minibatches, Vocabulary, build_vocabulary, pad, tokenize
from helpers.models import ClassifierParams
from helpers.teaching.exercises.engine import (
    NOT_ATTEMPTED,
    WRONG,
    Exercise,
    Feedback,
    Misconception,
    edited,
)

import numpy as np

# --- Section 5: when to stop


def _validation_losses(rng):
    falling = [0.7, 0.65, 0.6, 0.55, 0.55]
    steps = rng.normal(0, 0.015, int(rng.integers(8, 15)))
    if rng.random() < 1 / 3:
        steps = -np.abs(steps) - 0.01  # patience never runs out
    return np.round([*falling, *falling[-1] + np.cumsum(steps)], 2), int(rng.integers(2, 5))


def early_stopping(losses, patience):
    """Return (last, best): the epoch after which training stops, and the one that is kept."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return epoch, best


def _compares_with_the_epoch_before(losses, patience):
    waited = 0
    for epoch in range(1, len(losses)):
        waited = waited + 1 if losses[epoch] >= losses[epoch - 1] else 0
        if waited == patience:
            break
    return epoch, int(np.argmin(losses[: epoch + 1]))


def _counts_in_total(losses, patience):
    waited = 0
    for epoch in range(1, len(losses)):
        waited += losses[epoch] >= min(losses[:epoch])
        if waited == patience:
            break
    return epoch, int(np.argmin(losses[: epoch + 1]))


early_stopping = Exercise(
    name="early_stopping",
    answer=early_stopping,
    returns=("last", "best"),
    cases=_validation_losses,
    axes={"last": "", "best": ""},
    verified="when to stop and what to keep, for curves that fall, wander and stand still",
    hints=(
        (
            "Go through the epochs as training would, without looking ahead. What must you remember"
            " from the past?"
        ),
        "Remember `best`, the epoch with the lowest loss so far. How many epochs ago was it?",
        (
            "If `loss < losses[best]`, this epoch is the new best. Stop when `epoch - best` has"
            " reached `patience`."
        ),
    ),
    misconceptions=(
        Misconception(
            "it stops at the first epoch without a gain",
            edited(early_stopping, (">= patience", ">= 1")),
            (
                "Validation losses are noisy: one bad epoch may be chance. `patience` says how many"
                " in a row are enough."
            ),
            "section 5, on early stopping",
        ),
        Misconception(
            "it waits one epoch too long",
            edited(early_stopping, (">= patience", "> patience")),
            (
                "With a patience of 2, the second epoch in a row without a gain is the last one."
                " Your rule needs a third."
            ),
            "section 5, on early stopping",
        ),
        Misconception(
            "it stops one epoch too soon",
            edited(early_stopping, (">= patience", ">= patience - 1")),
            "The best epoch itself is not one of those that were waited for. With a patience of 2,"
            " two epochs must follow it, and both without a gain.",
            "section 5, on early stopping",
        ),
        Misconception(
            "the last epoch is kept",
            edited(early_stopping, ("return epoch, best", "return epoch, epoch")),
            "When training stops, the last few epochs have by definition not been the best. What is"
            " kept are the parameters from before them.",
            "section 5, on early stopping",
        ),
        Misconception(
            "each loss is compared with the one before",
            _compares_with_the_epoch_before,
            "A loss that climbs by two and then falls by one looks like a gain to this rule, for"
            " ever. Compare with the lowest loss so far, not with the last one.",
            "section 5, on early stopping",
        ),
        Misconception(
            "bad epochs are counted in total, not in a row",
            _counts_in_total,
            "Every new lowest loss starts the count again. Otherwise a long, slow, noisy descent is"
            " stopped for a few old slips.",
            "section 5, on early stopping",
        ),
        Misconception(
            "the best epoch is looked for beyond the stop",
            edited(early_stopping, ("return epoch, best", "return epoch, int(np.argmin(losses))")),
            "`np.argmin(losses)` sees the whole curve, but training has stopped before its end."
            " Parameters of epochs that never took place cannot be kept.",
            "section 5, on early stopping",
        ),
        Misconception(
            "it never stops",
            edited(early_stopping, ("break", "pass")),
            "The best epoch is right for a training run that goes on to the end. Early stopping"
            " also saves the epochs after `patience` has run out, and does not know what would have"
            " come.",
            "section 5, on early stopping",
        ),
        Misconception(
            "an equal loss counts as a gain",
            edited(early_stopping, ("loss < losses[best]", "loss <= losses[best]")),
            (
                "A curve that stands still does not improve. If equal counts as better, training on"
                " a plateau never ends."
            ),
            "section 5, on early stopping",
        ),
        Misconception(
            "the highest loss is taken for the best",
            edited(early_stopping, ("loss < losses[best]", "loss > losses[best]")),
            (
                "Of accuracies the highest is best, of losses the lowest. This rule keeps the worst"
                " network it meets."
            ),
            "section 5, on early stopping",
        ),
    ),
)


# --- Section 6: what scores by seed allow one to say


def which_survive():
    """Say for each claim whether it survives the four scores of A, B and C in the chapter."""
    return {
        "A is the best": False,
        "B is better than A on average": False,
        "C is better than B on average": False,
        "A depends more on its seed than B": True,
        "with one seed each, A could have come out first": True,
    }


def _saying(value, *claims):
    """Return an answer that takes `claims` for `value`, and is right elsewhere."""
    return lambda: which_survive.answer() | dict.fromkeys(claims, value)


which_survive = Exercise(
    name="which_survive",
    answer=which_survive,
    returns=tuple(which_survive()),
    verified="what the twelve scores allow, and what they do not",
    hints=(
        "Compute mean and standard deviation of each row. How far apart are two means, compared"
        " with the standard error of their difference?",
        "B and A: the means differ by 2.2. The standard error is √(2.8²/4 + 0.3²/4) = 1.4.",
        "The last claim asks what *could* have been seen. Is there one score in row A above one in"
        " each of the other rows?",
    ),
    misconceptions=(
        Misconception(
            "the highest score decides",
            _saying(True, "A is the best"),
            "The maximum of four runs says how lucky the luckiest was, and it grows with the number"
            " of runs. The other three of A are the lowest of the table.",
            "section 6, two kinds of chance",
        ),
        Misconception(
            "means are compared without their spread",
            _saying(True, "B is better than A on average", "C is better than B on average"),
            "A mean of four runs has a standard error of its own, s/√4. Two means that differ by"
            " less than twice the standard error of their difference may change places next time.",
            "section 6, two kinds of chance",
        ),
        Misconception(
            "a difference of one and a half standard errors is taken for one that survives",
            _saying(True, "B is better than A on average"),
            "The means differ by 2.2, with a standard error of 1.4, nearly all of it from A. More"
            " seeds may confirm the claim; these four do not yet.",
            "section 6, two kinds of chance",
        ),
        Misconception(
            "nothing at all is said to survive",
            _saying(False, *which_survive()),
            "Four scores each say little of the means. But A's scores lie 6 points apart and B's"
            " less than 1: about the spread itself there is much to be seen.",
            "section 6, the text of the exercise",
        ),
        Misconception(
            "what could have happened is taken for what did",
            _saying(False, "with one seed each, A could have come out first"),
            "A's first seed has the highest score of all twelve. Who had run that seed alone would"
            " have reported A: that is why one seed is not enough.",
            "section 6, the text of the exercise",
        ),
    ),
)

# --- Section 6: a control for order


def order_control(rng, sentences, labels):
    """Return the sentences with their words in random order, and the labels as they are."""
    return [list(rng.permutation(words)) for words in sentences], labels


def _sentences_of_numbers(rng):
    """Draw sentences of different lengths and different words, and their labels."""
    lengths = rng.integers(14, 24, 30)
    sentences = [[f"word{n}" for n in rng.permutation(100)[:length]] for length in lengths]
    return rng, sentences, [int(n) for n in rng.integers(0, 2, 30)]


def _what_is_kept(answer, rng, sentences, labels):
    """Say what a control keeps of words, labels and order."""
    given = answer(rng, [list(words) for words in sentences], list(labels))
    if given is ...:
        return ...
    shown, shown_labels = given
    pairs = list(zip(sentences, shown, strict=True))
    neighbours = [
        {frozenset(pair) for pair in pairwise(new)} & {frozenset(pair) for pair in pairwise(old)}
        for old, new in pairs
    ]
    kept = sum(map(len, neighbours)) / sum(len(old) - 1 for old in sentences)
    order = "half of them kept" if 0.3 < kept < 0.8 else "kept" if kept > 0.3 else "parted"
    if all(list(new) == old for old, new in pairs):
        order = "nothing has changed"
    return {
        "words": all(sorted(old) == sorted(new) for old, new in pairs),
        "labels": list(shown_labels) == labels,
        "neighbours": order,
    }


def _across(rng, sentences, labels):
    words = iter(rng.permutation([word for words in sentences for word in words]))
    return [[next(words) for _ in sentence] for sentence in sentences], labels


def _swapping(rng, sentences, labels):
    swapped = []
    for words in sentences:
        words = words.copy()
        even = len(words) // 2 * 2
        words[0:even:2], words[1:even:2] = words[1:even:2], words[0:even:2]
        swapped.append(words)
    return swapped, labels


def _moved_together(rng, sentences, labels):
    order = rng.permutation(len(labels))
    return [sentences[n] for n in order], [labels[n] for n in order]


order_control = Exercise(
    name="order_control",
    answer=order_control,
    returns=("words", "labels", "neighbours"),
    cases=_sentences_of_numbers,
    ask=_what_is_kept,
    verified="the words and the labels are kept, and the order is gone",
    hints=(
        "A control changes one thing and keeps everything else. Which thing, and what must stay?",
        "A bag of words must score the same: each sentence keeps its own words, and its label.",
        "`rng.permutation(words)` for each sentence by itself.",
    ),
    misconceptions=(
        Misconception(
            "the labels are shuffled, not the words",
            edited(
                order_control,
                (
                    "[list(rng.permutation(words)) for words in sentences], labels",
                    "sentences, list(rng.permutation(labels))",
                ),
            ),
            "That is a control too, for a leak: nothing can be learnt from it. But it takes away"
            " words and order at once, so it cannot tell them apart.",
            "section 6, a control",
        ),
        Misconception(
            "words move from sentence to sentence",
            _across,
            "Then a sentence has lost its own words as well, and a drop in accuracy may come from"
            " either. Shuffle within each sentence.",
            "section 6, a control",
        ),
        Misconception(
            "the order is reversed, not forgotten",
            edited(order_control, ("list(rng.permutation(words))", "words[::-1]")),
            "Read from the other end a sentence has the same neighbours, and a network that is"
            " trained on it learns as much. The order is there, only turned round.",
            "section 6, a control",
        ),
        Misconception(
            "only neighbours change places",
            _swapping,
            "Half of all neighbours stay neighbours, and *not* stays within two words of what it"
            " negates: much of the order is still there.",
            "section 6, a control",
        ),
        Misconception(
            "the sentences are put into another order",
            _moved_together,
            "Every sentence has all its words in the old order and keeps its label; they only come"
            " in another sequence, which `fit` does at every epoch anyway.",
            "section 6, a control",
        ),
    ),
)


# --- Section 7: a pair that breaks a network

GOOD = "good great funny clever touching fresh".split()
BAD = "bad dull boring stupid tedious flat".split()
TAUGHT = [
    (arrangement.format(a=a, b=b), arrangement.format(a=b, b=a))
    for arrangement in ("it is {a}, not {b}", "it is not {b}, it is {a}")
    for a in GOOD
    for b in BAD
]  # (positive, negative)


@functools.cache
def pair_reader() -> tuple[Vocabulary, ClassifierParams]:
    """Train a small network on nothing but minimal pairs, in well under a second.

    (vocabulary, parameters).
    """
    texts = [text for pair in TAUGHT for text in pair]
    vocabulary = build_vocabulary(map(tokenize, texts), size=100)
    tokens, mask = pad([vocabulary.encode(tokenize(text)) for text in texts])
    labels = np.tile([1.0, 0.0], len(TAUGHT))
    rng = np.random.default_rng(0)
    batches = Minibatches(rng, (tokens, mask, labels), batch_size=16)
    params = models.init_classifier(rng, len(vocabulary), 16, 16, np.float64)
    every_epoch = (batch for _ in range(10) for batch in batches)
    for update in training.updates(
        params,
        lambda params, batch: models.classifier_loss(params, *batch),
        every_epoch,
        training.Adam(0.01),
    ):
        params = update.params
    return vocabulary, params


def _verdicts(pair):
    vocabulary, params = pair_reader()
    return models.classify(
        params, *pad([vocabulary.encode(tokenize(sentence)) for sentence in pair])
    )


def _what_a_pair_does(pair):
    first, second = map(tokenize, pair)
    vocabulary, _ = pair_reader()
    if {*first, *second} - {*vocabulary.words}:
        return "unknown words"
    if sorted(first) != sorted(second):
        return "other words"
    if first == second:
        return "the same order"
    if (second, first) in [tuple(map(tokenize, taught)) for taught in TAUGHT]:
        return "swapped"
    p_positive, p_negative = _verdicts(pair)
    return "read right" if p_positive > 0.5 > p_negative else "broken"


class PairExercise(Exercise):
    """An exercise whose answer is (positive sentence, negative sentence).

    Its feedback begins with what was seen.
    """

    def examine(self, answer, *given) -> Feedback:
        """Return what `check` shows."""
        feedback = super().examine(answer)
        if feedback.kind == NOT_ATTEMPTED:
            return feedback
        if not (
            type(answer) is tuple
            and len(answer) == 2
            and all(isinstance(s, str) and tokenize(s) for s in answer)
        ):
            return Feedback(
                WRONG, "Two sentences were expected.", ('For example `"it is good", "it is bad"`.',)
            )
        strange = sorted({*re.findall(r"[^\w\s,.']", "".join(answer))})
        if strange:
            says = (
                "Write words, with commas and full stops where you like; the network sees the"
                " words only."
            )
            return Feedback(
                WRONG, f"These characters have no place here: {' '.join(strange)}", (says,)
            )
        return replace(feedback, sentences=(_observed(answer), *feedback.sentences))


def _observed(pair):
    first, second = map(tokenize, pair)
    vocabulary, _ = pair_reader()
    unknown = sorted({*first, *second} - {*vocabulary.words})
    if unknown:
        return (
            f"It does not know: {', '.join(unknown)}. It knows:"
            f" {', '.join(sorted(vocabulary.words[2:]))}."
        )
    if sorted(first) != sorted(second):
        uneven = sorted(
            word for word in {*first, *second} if first.count(word) != second.count(word)
        )
        return f"Not equally often in both: {', '.join(uneven)}."
    positive, negative = _verdicts(pair)
    return (
        f"Its probability of “positive” is {positive:.2f} for “{pair[0]}”, and {negative:.2f}"
        f" for “{pair[1]}”."
    )


def breaking_pair():
    """Return a positive and a negative sentence."""
    return "bad it is not, it is good", "good it is not, it is bad"


breaking_pair = PairExercise(
    name="breaking_pair",
    answer=breaking_pair,
    returns=("the pair",),
    ask=_what_a_pair_does,
    verified=(
        "the same words in another order, and the network does not read both as you do. You"
        " broke it"
    ),
    hints=(
        "It has seen two arrangements, and it may have learnt where to look rather than what “not”"
        " means. What if the word order is unusual?",
        "In all sentences it was taught, “not” stands in front of the adjective that it negates."
        " English allows another place.",
        "“dull it is not”: begin both sentences of the pair like this.",
    ),
    misconceptions=(
        Misconception(
            "the network gets both right",
            lambda: ("it is great, not boring", "it is boring, not great"),
            "A pair that it was taught, or one much like it, does not break it. Leave the"
            " arrangements it knows: turn the halves round, move the “not”, say it twice.",
            "section 8, on the two arrangements",
        ),
        Misconception(
            "the two sentences do not have the same words",
            lambda: ("it is good", "it is not good"),
            "With different words a bag of words can tell them apart, and nothing is proved about"
            " order. A minimal pair has the same words, each equally often.",
            "section 8, on minimal pairs",
        ),
        Misconception(
            "both have the same words in the same order",
            lambda: ("it is not, good", "it is, not good"),
            "Commas and capital letters tell the two apart for you, but not for the network: its"
            " tokens are the same, and so its two verdicts must be.",
            "section 1, on tokens",
        ),
        Misconception(
            "there are words that the network does not know",
            lambda: ("the plot is good, not bad", "the plot is bad, not good"),
            "They all become number 1, and a verdict on those says nothing about “not”. This"
            " network has learnt few words, so that you can know all of them.",
            "section 2, step 3",
        ),
        Misconception(
            "the positive sentence stands second",
            lambda: ("it is bad, not good", "it is good, not bad"),
            "This is a pair that the network was taught, and it reads both as they are meant. It"
            " only looks broken because you named them the other way round.",
            "section 8, on minimal pairs",
        ),
    ),
)
