"""Coarse answers, derived from the probabilities of the seven: a tone, and a valence.

Four of the seven are negative, and many mistakes of a network happen among them: a sad face that is called fear. Who
asks only whether a face looks pleased or displeased does not mind those, so coarse answers are right more often.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from mien.core.labels import find_expression

TONES: tuple[str, ...] = ("positive", "neutral", "negative", "surprise")
"""The coarse answers. Surprise is one of its own: without its cause people call it good and bad news alike."""

TONE_OF: Mapping[str, str] = MappingProxyType(
    {
        "angry": "negative",
        "disgust": "negative",
        "fear": "negative",
        "happy": "positive",
        "sad": "negative",
        "surprise": "surprise",
        "neutral": "neutral",
    }
)
"""By expression its tone."""

VALENCES: Mapping[str, float] = MappingProxyType(
    {
        "angry": -0.51,
        "disgust": -0.60,
        "fear": -0.64,
        "happy": 0.81,
        "sad": -0.63,
        "surprise": 0.0,
        "neutral": 0.0,
    }
)
"""By expression its valence: how pleasant (up to 1) or unpleasant (down to -1) the state is that people link with it.

They are the mean pleasure at which people rated the words angry, disgusted, fearful, happy and sad: words, not faces.
Neutral is 0 by its meaning. Surprise is 0 by our choice: the word was rated 0.40, but a surprised face is seen as
negative by some people and as positive by others.

Source:
    Russell and Mehrabian, Evidence for a three-factor theory of emotions, Journal of Research in Personality 11(3),
    273-294, 1977; https://doi.org/10.1016/0092-6566(77)90037-X. For surprise: Neta et al., All in the first glance,
    Cognition and Emotion, 2016; https://doi.org/10.1080/02699931.2016.1152231.
"""


def find_tones(labels: Collection[str]) -> tuple[str, ...] | None:
    """Return the tone of each label, in any spelling that `find_expression` knows.

    Args:
        labels: A model's labels.

    Returns:
        One tone a label, in their order. None if a label is none of the seven: its tone would be a guess, and a part of
        the probability could not be told.
    """
    expressions = [find_expression(label) for label in labels]
    known = [expression for expression in expressions if expression is not None]
    return tuple(TONE_OF[expression] for expression in known) if len(known) == len(expressions) else None


def sum_tones(probabilities: Mapping[str, float]) -> dict[str, float] | None:
    """Add up the probabilities of the labels that share a tone.

    Sums of calibrated probabilities are probabilities of the coarse answers, so nothing is fitted. The likeliest tone
    may differ from that of the likeliest label: happy 0.4, sad 0.3 and angry 0.3 are negative with 0.6.

    Args:
        probabilities: By label its probability; they sum to 1.

    Returns:
        By tone its probability, 0-1, in the order of `TONES`; a tone without a label has 0. None where `find_tones` is.
    """
    tones = find_tones(probabilities)
    if tones is None:
        return None
    sums = dict.fromkeys(TONES, 0.0)
    for tone, probability in zip(tones, probabilities.values(), strict=True):
        sums[tone] += probability
    return {tone: min(probability, 1.0) for tone, probability in sums.items()}  # rounding can end a hair above 1


def estimate_valence(probabilities: Mapping[str, float]) -> float | None:
    """Return the expected value of `VALENCES` under the probabilities.

    It is linear, and so it can't leave -0.64 to 0.81, and what is uncertain lies near 0: a 0 is a neutral face, a
    surprised one, one half happy and half sad, or one that the model can't read. It tells how pleasant a face looks to
    others, not what is felt, and no strength: a faint smile and a laugh that are both surely happy have the same value.

    Args:
        probabilities: By label its probability; they sum to 1.

    Returns:
        Within -1 to 1; below 0 is unpleasant. None if a label is none of the seven.
    """
    valence = 0.0
    for label, probability in probabilities.items():
        expression = find_expression(label)
        if expression is None:
            return None
        valence += VALENCES[expression] * probability
    return valence
