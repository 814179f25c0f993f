"""`TextVectorization` beside scikit-learn's `CountVectorizer`, on one core. In tokens a second of CPU time.

.venv/bin/python -m benchmarks.texts
"""

from __future__ import annotations

import time

import numpy as np
import torch

from lamina.layers import TextVectorization

TOKENS, LENGTH, SIZE, REPEATS = 1_000_000, 200, 20_000, 5


def texts() -> list[str]:
    """Texts of 200 words each, as frequent as words of a language are."""
    rng = np.random.default_rng(0)
    words = np.array(["".join(rng.choice(list("aeiourstlnm"), rng.integers(2, 9))) + str(i) for i in range(60_000)])
    drawn = words[np.minimum(rng.zipf(1.2, TOKENS) - 1, len(words) - 1)]
    rows = drawn.reshape(-1, LENGTH).tolist()
    return [f"{' '.join(row).capitalize()}." for row in rows]


def seconds(*functions) -> list[float]:
    """The least CPU time of each, taken in turns."""
    best = [float("inf")] * len(functions)
    for _ in range(REPEATS):
        for i, function in enumerate(functions):
            start = time.thread_time()
            function()
            best[i] = min(best[i], time.thread_time() - start)
    return best


def main() -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    torch.set_num_threads(1)
    data = texts()
    ours, theirs = TextVectorization(max_tokens=SIZE), CountVectorizer(max_features=SIZE)
    counting = TextVectorization(max_tokens=SIZE, output_mode="count")
    learned = seconds(lambda: ours.adapt(data), lambda: theirs.fit(data))
    counting.set_vocabulary(ours.get_vocabulary(include_special_tokens=False))
    part = data[:500]  # a dense vector of each is 80 kB
    made = seconds(lambda: ours(data), lambda: theirs.transform(data))
    counted = seconds(lambda: counting(part), lambda: theirs.transform(part).toarray())
    print(f"{'million tokens a second':32}{'Lamina':>10}{'sklearn':>10}")
    rows = [("learning the vocabulary", learned, TOKENS), ("texts to numbers (sklearn: sparse)", made, TOKENS)]
    for name, (a, b), count in [*rows, ("texts to dense counts", counted, LENGTH * len(part))]:
        print(f"{name:32}{count / a / 1e6:10.2f}{count / b / 1e6:10.2f}")


if __name__ == "__main__":
    main()
