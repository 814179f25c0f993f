"""Writes table.json: what Keras' TextVectorization makes of texts. Keras needs TensorFlow for it, so it is run apart:

    pip install "keras==3.15" tensorflow-cpu && python make_table.py

Last made with Keras 3.15.0 on TensorFlow 2.21.
"""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow as tf

LEARNED = [
    "the cat sat on the mat", "The dog, the CAT!", "a mat; a hat. A bat?", "", "  spaced\tout\nlines ",
    "É é ñ Ñ ÀB", "don't stop-me_now", "日本 語 日本", "x", "a\u00a0b c\u2003d",
]  # fmt: skip
CALLED = [
    "the the cat", "unknown wörds here", "", "It's the ÉCLAIR é", "mat mat mat bat", "DON'T!!! 日本",
    "a b c d e f g h", "x\x0by\x0cz",
]  # fmt: skip
GIVEN = ["the", "cat", "é", "É"]


def case(learned, called=CALLED, column=False, **arguments):
    layer = keras.layers.TextVectorization(**arguments)
    if learned is not None:
        layer.adapt(learned)
    result = np.asarray(layer(tf.constant([[text] for text in called] if column else called)))
    return {
        "arguments": arguments,
        "learned": learned is not None,
        "called": called if isinstance(called, str) else None,
        "column": column,
        "vocabulary": layer.get_vocabulary(),
        "shape": result.shape,
        "result": [round(value, 5) for value in result.ravel().tolist()],
    }


def cases():
    for standardize in ("lower_and_strip_punctuation", "lower", "strip_punctuation", None):
        for split in ("whitespace", "character", None):
            for ngrams in (None, 2):
                yield case(LEARNED, column=True, standardize=standardize, split=split, ngrams=ngrams)
    for mode in ("multi_hot", "count", "tf_idf"):
        for ngrams in (None, (2,), (1, 3)):
            yield case(LEARNED, output_mode=mode, ngrams=ngrams)
            yield case(LEARNED, output_mode=mode, ngrams=ngrams, max_tokens=7)
        padded = {"output_mode": mode, "max_tokens": 40, "pad_to_max_tokens": True}
        yield case(LEARNED, **padded)
        yield case(LEARNED, column=True, split="character", **padded)
        yield case(LEARNED, column=True, split=None, output_mode=mode)
    for length in (1, 3, 20):
        yield case(LEARNED, output_sequence_length=length)
        yield case(LEARNED, output_sequence_length=length, ngrams=3, max_tokens=12)
        yield case(LEARNED, column=True, output_sequence_length=length, split=None)
    for size in (3, 5, 100):
        yield case(LEARNED, max_tokens=size)
    yield case(None, vocabulary=GIVEN)
    yield case(None, vocabulary=["", "[UNK]", *GIVEN])
    yield case(None, vocabulary=GIVEN, output_mode="count")
    yield case(None, vocabulary=["[UNK]", *GIVEN], output_mode="multi_hot")
    weighed = {"output_mode": "tf_idf", "idf_weights": [0.5, 1.0, 2.0, 0.25]}
    yield case(None, vocabulary=GIVEN, **weighed)
    yield case(None, vocabulary=["[UNK]", *GIVEN], output_mode="tf_idf", idf_weights=[0.1, 0.5, 1.0, 2.0, 0.25])
    yield case(None, vocabulary=GIVEN, max_tokens=9, pad_to_max_tokens=True, **weighed)
    yield case(None, vocabulary=GIVEN, output_sequence_length=2)
    yield case(None, vocabulary=GIVEN, split="character")
    yield case(LEARNED, split=None)
    yield case(LEARNED, called="the cat x")
    yield case(LEARNED, called="the cat x", output_mode="count")


if __name__ == "__main__":
    table = {"learned": LEARNED, "called": CALLED, "cases": list(cases())}
    Path(__file__).with_name("table.json").write_text(json.dumps(table, ensure_ascii=False, separators=(",", ":")))
