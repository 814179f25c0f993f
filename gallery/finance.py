"""Tomorrow's return of a share, from the last days of trading (a sequence) and facts of the share (a table).

A generator writes the prices. On some days a market follows its last move (momentum), on others it takes it back
(reversal); it changes from one to the other now and then, and never says in which of them it is. Interest rates drive
some branches of trade up and others down. An LSTM reads the days, with the table beside each of them, and guesses how
the next return depends on the last one.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Finance: sequence and table",
    group=4,
    answers="Hybrid tabular + sequence models",
    data="returns and volumes of 1,800 shares from a generator in the file: two hidden regimes, four branches of trade",
    measure="R² of the next day's return, on shares that training never saw",
    baseline="the better one of: the last return again, linear regression on the same numbers",
    target=0.48,
    quick_target=0.39,
)

DAYS, BRANCHES = 24, ("banks", "builders", "shops", "power")
BETAS = np.array([0.8, -0.8, -0.4, 0.4])  # what a branch of trade earns where interest rates are high
Arrays = dict[str, np.ndarray]


def data(shares: int, seed: int, length: int = 312) -> tuple[Arrays, np.ndarray, Arrays]:
    """Days (N, 24, 2: return, volume) and table (N, 5: rate, branch); the next return; what the market hides.

    The regime stays with a probability of 0.97. A return is ±0.7 of the last one, what the table says, and chance.
    Volume is higher after large moves. Hidden are the regime, and the next return but for chance.
    """
    rng = np.random.default_rng(seed)
    branch, rate = rng.integers(len(BRANCHES), size=shares), rng.uniform(-1, 1, shares)
    momentum = np.cumsum(rng.random((length, shares)) < 0.03, axis=0) % 2 == 0
    returns, expected = np.zeros((length, shares)), np.zeros((length, shares))
    for day in range(1, length):
        expected[day] = np.where(momentum[day], 0.7, -0.7) * returns[day - 1] + BETAS[branch] * rate
        returns[day] = expected[day] + rng.normal(0, 1, shares)
    volumes = np.abs(returns) + rng.exponential(1, returns.shape)

    following = np.arange(DAYS, length, DAYS)  # the days to predict, each from the 24 before
    days = [np.stack([returns[day - DAYS : day].T, volumes[day - DAYS : day].T], axis=-1) for day in following]
    table = np.column_stack([rate, np.eye(len(BRANCHES))[branch]])
    inputs = {"days": np.concatenate(days), "table": np.tile(table, (len(following), 1))}
    hidden = {"momentum": momentum[following].ravel(), "expected": expected[following].ravel()}
    single = {name: array.astype("float32") for name, array in inputs.items()}
    return single, returns[following].reshape(-1, 1).astype("float32"), hidden


def build() -> Model:
    """Days (N, 24, 2) and table (N, 5) -> next return (N, 1)."""
    days, table = Input((DAYS, 2), name="days"), Input((1 + len(BRANCHES),), name="table")
    x = layers.Concatenate()([days, layers.RepeatVector(DAYS)(table)])
    x = layers.Conv1D(32, 2, activation="relu")(x)  # each day beside the one before
    x = layers.Concatenate()([layers.LSTM(32)(x), table])
    slope = layers.Dense(1, name="slope")(layers.Dense(32, activation="relu")(x))  # of the next return over the last
    level = layers.Dense(1, name="level")(layers.Dense(32, activation="relu")(x))
    following = layers.Add(name="following")([layers.Multiply()([slope, days[:, -1, :1]]), level])
    model = Model([days, table], following, name="finance")
    model.compile(optimizers.Adam(3e-3), loss="mse")
    return model


def draw(inputs: Arrays, said: np.ndarray, hidden: Arrays) -> Figure:
    """What the model says, by the last return, in each regime; beside what the market would do but for chance."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharex=True, sharey=True)
    last = inputs["days"][:, -1, 0]
    titles = {
        "Expected by one who knows the regime": hidden["expected"],
        "Said by the model, which must guess it": said,
    }
    for place, (title, returns) in zip(axes, titles.items(), strict=True):
        for name, part in {"momentum": hidden["momentum"], "reversal": ~hidden["momentum"]}.items():
            place.scatter(last[part][:600], returns[part][:600], s=5, label=name)
        place.set(title=title, xlabel="last return", xlim=(-5, 5), ylim=(-4, 4))
    axes[0].set_ylabel("next return")
    axes[1].legend(loc="upper center", markerscale=3)
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, y_train, _ = data(200 if quick else 1600, seed=0)
    x_test, y_test, hidden = data(200, seed=1)
    model = build()
    epochs = 8 if quick else 12
    history = model.fit(x_train, y_train, batch_size=64, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    said = model.predict(x_test, verbose=0)

    flat_train, flat_test = (
        np.concatenate([x["days"].reshape(len(x["days"]), -1), x["table"]], axis=1) for x in (x_train, x_test)
    )
    linear = LinearRegression().fit(flat_train, y_train).score(flat_test, y_test)
    last_again = r2_score(y_test, x_test["days"][:, -1, 0])
    model.save(out / "finance.lamina")
    return Result(
        model,
        {name: array[:64] for name, array in x_test.items()},
        float(r2_score(y_test, said)),
        max(linear, last_again),
        draw(x_test, said[:, 0], hidden),
        history,
        more={
            "R² of the last return again": last_again,
            "R² of linear regression": linear,
            "R² of one who knows the regime": float(r2_score(y_test, hidden["expected"])),
        },
    )
