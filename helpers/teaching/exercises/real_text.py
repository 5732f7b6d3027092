"""Chapter 7's exercises.

Arrays from sentences, a word's gradient, when to stop, fair comparisons, and temperature.
"""

import functools
import re
from dataclasses import replace

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

# --- Section 2: sentences to arrays

WORDS = "a the film plot is was not good bad dull and but never too".split()


def _some_sentences(rng):
    numbers = {word: n for n, word in enumerate(["<pad>", "<unk>", *rng.permutation(WORDS)])}
    words = [*WORDS, "zany", "gritty", "cloying"]  # the last three have no number
    sentences = [[*rng.choice(words, rng.integers(2, 6)), "zany"] for _ in range(3)]
    longest = list(rng.choice(WORDS, 8))
    return [*sentences, longest, ["good"]], numbers


def encode_batch(sentences, numbers):
    """Turn N sentences (lists of words) into tokens (N, T) and mask (N, T), padded on the right."""
    T = max(len(words) for words in sentences)
    tokens = np.zeros((len(sentences), T), int)
    mask = np.zeros((len(sentences), T), bool)
    for n, words in enumerate(sentences):
        tokens[n, : len(words)] = [numbers.get(word, 1) for word in words]
        mask[n, : len(words)] = True
    return tokens, mask


encode_batch = Exercise(
    name="encode_batch",
    answer=encode_batch,
    returns=("tokens", "mask"),
    cases=_some_sentences,
    axes={"tokens": "B T"},
    verified=(
        "word numbers, padding and mask, for sentences of one word and more, with unknown"
        " words among them"
    ),
    hints=(
        "The longest sentence decides how many columns both arrays have.",
        (
            "Start from `np.zeros((N, T), int)`: then all padding is there already. Fill in"
            " sentence after sentence."
        ),
        (
            "`tokens[n, : len(words)] = [numbers.get(word, 1) for word in words]`; where that"
            " writes, the mask is True."
        ),
    ),
    misconceptions=(
        Misconception(
            "unknown words are dropped",
            edited(
                encode_batch,
                (
                    "enumerate(sentences):",
                    "enumerate([[w for w in words if w in numbers] for words in sentences]):",
                ),
            ),
            "The network should at least see that there was a word: “not ___” and “not” are"
            " different sentences. So an unknown word keeps its place, and gets number 1.",
            "section 2, step 3",
        ),
        Misconception(
            "unknown words get number 0",
            edited(encode_batch, ("get(word, 1)", "get(word, 0)")),
            (
                "Number 0 says that there is no word. Here is one, whose number is not known: that"
                " is number 1."
            ),
            "section 2, step 3",
        ),
        Misconception(
            "unknown words are masked out",
            edited(encode_batch, ("    return", "    mask &= tokens != 1\n    return")),
            "The mask tells words from padding, not known words from unknown ones. An unknown word"
            " is a real step: the state should change there.",
            "section 2, steps 3 and 4",
        ),
        Misconception(
            "the padding is on the left",
            edited(encode_batch, ("[n, : len(words)]", "[n, T - len(words) :]")),
            "With the mask, a network does equally well either way. But the arrays of this chapter"
            " begin with the first word and are padded on the right, and what else reads them"
            " relies on that.",
            "section 2, step 4",
        ),
        Misconception(
            "the mask is the wrong way round",
            edited(encode_batch, ("    return", "    mask = ~mask\n    return")),
            (
                "The mask is True where there is a word. Turned round, the network would read"
                " nothing but padding."
            ),
            "section 2, step 4",
        ),
        Misconception(
            "the mask is True everywhere",
            edited(
                encode_batch,
                ("np.zeros((len(sentences), T), bool)", "np.ones((len(sentences), T), bool)"),
            ),
            "Then padding counts as words, and the network reads on after each sentence has ended."
            " Section 9 measures what that does to the accuracy.",
            "section 2, step 4",
        ),
        Misconception(
            "the padding has number 1",
            edited(
                encode_batch,
                ("np.zeros((len(sentences), T), int)", "np.ones((len(sentences), T), int)"),
            ),
            "Number 1 stands for a word that is not in the vocabulary. Padding is number 0, so that"
            " the two can be told apart.",
            "section 2, steps 3 and 4",
        ),
        Misconception(
            "every sentence is cut to the shortest",
            edited(
                encode_batch,
                ("max(", "min("),
                ("enumerate(sentences)", "enumerate([words[:T] for words in sentences])"),
            ),
            "Cutting makes a rectangle too, but throws words away. Padding keeps all of them, and"
            " the mask says which steps were added.",
            "section 2, step 4",
        ),
    ),
)

# --- Section 4: the gradient of the embedding


def _occurrences(rng):
    B, T, D, V = (int(rng.integers(low, low + 3)) for low in (2, 4, 3, 5))
    used = V - int(rng.integers(2))  # now and then the last word does not occur
    return rng.integers(0, used, (B, T)), rng.normal(size=(B, T, D)), V


def embedding_gradient(tokens, dx, V):
    """Turn dx (B, T, D), the gradient by each embedded word, into dE (V, D).

    The words are tokens (B, T).
    """
    dE = np.zeros((V, dx.shape[-1]))
    np.add.at(dE, tokens, dx)
    return dE


embedding_gradient = Exercise(
    name="embedding_gradient",
    answer=embedding_gradient,
    returns=("dE",),
    cases=_occurrences,
    axes={"tokens": "B T", "dE": "V D"},
    verified="the gradient of every row of E, for words that occur once, several times, and never",
    hints=(
        (
            "x_t is a copy of one row of E. A row that was copied several times has a gradient from"
            " each of its copies."
        ),
        (
            "Loop over b and t: which row of dE does `dx[b, t]` belong to, and what becomes of what"
            " is there already?"
        ),
        "`dE[tokens[b, t]] += dx[b, t]` in two loops; in one line, `np.add.at(dE, tokens, dx)`.",
    ),
    misconceptions=(
        Misconception(
            "a repeated word keeps its last gradient only",
            edited(embedding_gradient, ("np.add.at(dE, tokens, dx)", "dE[tokens] = dx")),
            "A word's row was used at every place where the word stands, so the gradients of all"
            " places add up. `dE[tokens] = dx` overwrites, and `dE[tokens] += dx` does too: NumPy"
            " reads once, and writes once.",
            "section 4, on the gradient of E",
        ),
        Misconception(
            "the gradients of a repeated word are averaged",
            edited(
                embedding_gradient,
                (
                    "return dE",
                    "return dE / np.maximum(1, np.bincount(tokens.ravel(), minlength=V))[:, None]",
                ),
            ),
            "Each use of a row moves the loss by itself; together they move it by the sum. An"
            " average would make frequent words learn no faster than rare ones.",
            "section 4, on the gradient of E",
        ),
        Misconception(
            "divided by the size of the batch once too often",
            edited(embedding_gradient, ("return dE", "return dE / len(tokens)")),
            "The loss is a mean over the batch already, so `dx` carries that 1/B in it. Dividing"
            " again makes the embedding learn B times too slowly.",
            "section 4, on the loss",
        ),
        Misconception(
            "only the last word of each sentence counts",
            edited(embedding_gradient, ("tokens, dx)", "tokens[:, -1], dx[:, -1])")),
            "The loss is read off the last state, but that state depends on every word before it."
            " `dx` has a gradient for each of them.",
            "section 4, on the gradient of E",
        ),
        Misconception(
            "every word gets the gradient of the whole sentence",
            edited(embedding_gradient, ("tokens, dx)", "tokens, dx.sum(axis=1, keepdims=True))")),
            "Summing over time first forgets which word stood where. Each `dx[b, t]` belongs to one"
            " row, that of `tokens[b, t]`.",
            "section 4, on the gradient of E",
        ),
    ),
)

# --- Section 5: early stopping


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

# --- Section 7: a fair comparison


def _two_models(rng):
    n = int(rng.integers(40, 90))
    first = rng.random(n) < 0.8
    return first, np.where(rng.random(n) < 0.7, first, rng.random(n) < 0.6)


def paired_difference(first, second):
    """Return (difference, standard_error) of two accuracies.

    First and second (n,) say where each model is right.
    """
    n_1 = np.sum(first & ~second)
    n_2 = np.sum(second & ~first)
    n = len(first)
    return (n_1 - n_2) / n, np.sqrt(n_1 + n_2) / n


paired_difference = Exercise(
    name="paired_difference",
    answer=paired_difference,
    returns=("difference", "standard_error"),
    cases=_two_models,
    axes={"difference": "", "standard_error": ""},
    verified="the difference and its standard error, for random verdicts",
    hints=(
        (
            "Sentences on which both models are right, or both wrong, say nothing about which one"
            " is better."
        ),
        "`first & ~second` is True where only the first model is right. `np.sum` counts.",
        "`(n_1 - n_2) / n` and `np.sqrt(n_1 + n_2) / n`.",
    ),
    misconceptions=(
        Misconception(
            "the two models are treated as if they had judged different sentences",
            edited(
                paired_difference,
                (
                    "np.sqrt(n_1 + n_2) / n",
                    (
                        "np.sqrt((first.mean() * (1 - first.mean()) + second.mean() * (1 -"
                        " second.mean())) / n)"
                    ),
                ),
            ),
            "√(p(1−p)/n) for each, added, is right for two separate test sets. On the same"
            " sentences most luck is shared and cancels: only where they disagree can a difference"
            " come from.",
            "section 7, on the standard error",
        ),
        Misconception(
            "the standard error is that of one accuracy",
            edited(
                paired_difference,
                ("np.sqrt(n_1 + n_2) / n", "np.sqrt(first.mean() * (1 - first.mean()) / n)"),
            ),
            (
                "√(p(1−p)/n) says how far one accuracy may be off. The question is how far the"
                " difference of two may be."
            ),
            "section 7, on the standard error",
        ),
        Misconception(
            "the difference has the wrong sign",
            edited(paired_difference, ("(n_1 - n_2) / n", "(n_2 - n_1) / n")),
            "It should be positive when the first model is better: when it is alone in being right"
            " more often than the second.",
            "section 7, on the difference",
        ),
        Misconception(
            "n stands under the root",
            edited(paired_difference, ("np.sqrt(n_1 + n_2) / n", "np.sqrt((n_1 + n_2) / n)")),
            "The count n_1 − n_2 is uncertain by about √(n_1 + n_2); the accuracy is that count"
            " divided by n, so its uncertainty is divided by n too, not by √n.",
            "section 7, on the standard error",
        ),
        Misconception(
            "the root is missing",
            edited(paired_difference, ("np.sqrt(n_1 + n_2)", "(n_1 + n_2)")),
            "(n_1 + n_2)/n is the share of sentences on which the models disagree. A sum of that"
            " many coin tosses strays by the root of their number only.",
            "section 7, on the standard error",
        ),
        Misconception(
            "divided by the disagreements instead of by all sentences",
            edited(paired_difference, ("    n = len(first)", "    n = n_1 + n_2")),
            "That compares the models on the sentences they disagree on. The difference of their"
            " accuracies is a share of all n sentences.",
            "section 7, on the difference",
        ),
        Misconception(
            "every sentence counts, also where the models agree",
            edited(paired_difference, ("np.sqrt(n_1 + n_2) / n", "np.sqrt(n) / n")),
            "√n/n = 1/√n takes each sentence for a toss between the two models. Where both are"
            " right or both wrong nothing is tossed.",
            "section 7, on the standard error",
        ),
        Misconception(
            "a small term is kept that this formula leaves out",
            edited(
                paired_difference,
                ("np.sqrt(n_1 + n_2) / n", "np.sqrt(n_1 + n_2 - (n_1 - n_2) ** 2 / n) / n"),
            ),
            "The spread about the mean is √(n_1 + n_2 − (n_1 − n_2)²/n)/n, and you have it exactly:"
            " well done. What was asked for is the shorter √(n_1 + n_2)/n, nearly the same when the"
            " difference is small.",
            "section 7, on the standard error",
        ),
        Misconception(
            "counts are given instead of shares",
            edited(paired_difference, ("    n = len(first)", "    n = 1")),
            "n_1 − n_2 is a number of sentences, and so is its standard error. Divide both by n to"
            " get shares, as accuracies are.",
            "section 7, on the difference",
        ),
    ),
)

# --- Section 8: a pair that breaks a network

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

# --- Section 10: temperature


def _logits(rng):
    B, V = int(rng.integers(2, 5)), int(rng.integers(3, 7))
    return rng.normal(0, 2, (B, V)), float(rng.choice([0.4, 0.7, 1.6, 2.5]))


def sampling_probabilities(o, tau):
    """Return softmax(o / τ) over the last axis: o (B, V) gives p (B, V), each row summing to 1."""
    e = np.exp((o - o.max(axis=-1, keepdims=True)) / tau)
    return e / e.sum(axis=-1, keepdims=True)


sampling_probabilities = Exercise(
    name="sampling_probabilities",
    answer=sampling_probabilities,
    returns=("p",),
    cases=_logits,
    axes={"p": "B V"},
    verified="the probabilities of every row, for temperatures below and above 1",
    hints=(
        (
            "At τ = 1 this is softmax. Where in softmax does τ come in: before the exponential, or"
            " after?"
        ),
        "Divide the logits by τ, exponentiate, and make each row sum to 1. Subtracting a row's"
        " maximum first changes nothing but keeps the exponentials small.",
        "`e = np.exp(o / tau)`, and then `e / e.sum(axis=…, keepdims=True)`.",
    ),
    misconceptions=(
        Misconception(
            "multiplied by τ",
            edited(sampling_probabilities, (" / tau", " * tau")),
            "This turns the temperature round: the higher it is, the surer the network. A high τ"
            " should bring the logits closer together, so it divides.",
            "section 10, on the temperature",
        ),
        Misconception(
            "the probabilities are divided by τ",
            edited(sampling_probabilities, (" / tau", ""), ("return e", "return e / tau")),
            (
                "Their sum is then 1/τ, not 1, and which character is how many times as likely as"
                " which has not changed."
            ),
            "section 10, on the temperature",
        ),
        Misconception(
            "τ has no effect",
            edited(sampling_probabilities, (" / tau", "")),
            "Perhaps it is left out, or it divides after the exponential: then it cancels when the"
            " row is made to sum to 1. It must come before the exponential.",
            "section 10, on the temperature",
        ),
        Misconception(
            "softmax runs down the columns",
            edited(sampling_probabilities, ("axis=-1", "axis=0")),
            "Each row is one sample with a logit for every character, and its probabilities should"
            " sum to 1. You summed over the samples.",
            "section 10, on the loss",
        ),
        Misconception(
            "the whole array sums to 1, not each row",
            edited(sampling_probabilities, ("axis=-1, keepdims=True", "")),
            "`e.sum()` without an axis adds up all samples, so that each row has only a share of"
            " the 1. Give `axis=-1, keepdims=True`.",
            "section 10, on the loss",
        ),
        Misconception(
            "the exponential is missing",
            edited(
                sampling_probabilities,
                ("e = np.exp((o - o.max(axis=-1, keepdims=True)) / tau)", "e = o / tau"),
            ),
            "Logits may be negative, and so would be such “probabilities”. The exponential makes"
            " all of them positive first.",
            "section 10, on the loss",
        ),
        Misconception(
            "the rows do not sum to 1",
            edited(
                sampling_probabilities,
                (" / tau", ""),
                (
                    "return e / e.sum(axis=-1, keepdims=True)",
                    "return (e / e.sum(axis=-1, keepdims=True)) ** (1 / tau)",
                ),
            ),
            "p^(1/τ) has the right proportions, for it is e^(o/τ) up to a factor. But that factor"
            " is missing: divide by the sum after the power, not before.",
            "section 10, on the temperature",
        ),
        Misconception(
            "softmax is taken twice",
            edited(
                sampling_probabilities,
                (" / tau", ""),
                (
                    "return e / e.sum(axis=-1, keepdims=True)",
                    (
                        "e = np.exp(e / e.sum(axis=-1, keepdims=True) / tau)\n    return e /"
                        " e.sum(axis=-1, keepdims=True)"
                    ),
                ),
            ),
            "You divided probabilities by τ and put them through softmax again. Probabilities all"
            " lie between 0 and 1, so their exponentials are nearly equal; divide the logits.",
            "section 10, on the temperature",
        ),
    ),
)
