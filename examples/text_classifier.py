"""Sentences of different lengths, padded and masked: ``Embedding`` and ``LSTM``."""

import numpy as np

import polynet
from polynet import layers

GOOD, BAD = ["good", "great", "fine", "lovely"], ["bad", "awful", "poor", "dull"]
OTHER = ["the", "film", "was", "a", "very", "plot", "and", "actors", "is", "it"]
WORDS = ["", *GOOD, *BAD, "not", *OTHER]


def sentence(rng):
    """Words, and whether they praise: a ``not`` turns the next opinion around."""
    praise = bool(rng.integers(0, 2))
    turned = bool(rng.integers(0, 2))
    words = list(rng.choice(OTHER, rng.integers(2, 8)))
    opinion = [str(rng.choice(GOOD if praise != turned else BAD))]
    place = int(rng.integers(0, len(words) + 1))
    words[place:place] = ["not", *opinion] if turned else opinion
    return [WORDS.index(word) for word in words], int(praise)


polynet.utils.set_random_seed(0)
rng = np.random.default_rng(0)
sentences, labels = zip(*(sentence(rng) for _ in range(1500)), strict=True)
x = polynet.utils.pad_sequences(sentences, maxlen=10, padding="post")
y = np.array(labels)

model = polynet.Sequential(
    [
        polynet.Input((10,), dtype="int32"),
        layers.Embedding(len(WORDS), 16, mask_zero=True),
        layers.LSTM(24),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=polynet.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"]
)
model.fit(x[:1200], y[:1200], epochs=8, batch_size=64, verbose=0)
accuracy = model.evaluate(x[1200:], y[1200:], verbose=0, return_dict=True)["accuracy"]
print(f"accuracy on new sentences {100 * accuracy:.1f} %")
