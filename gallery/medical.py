"""Is a tumour malignant? Two findings of one patient: measurements in a table, and a picture of the cells' nuclei.

The table holds how far ten measurements scatter between the cells. The picture shows a nucleus as the record describes
it: its size, how deep and how many its dents are, how rough its inside. A convolutional branch reads the picture, a
dense one the table, and they are joined. Two more outputs say what each branch alone would: they cost little, and show
what the other one adds. Records and diagnoses are real; the picture is drawn from the record.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import minmax_scale

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Medical: table and picture",
    group=4,
    answers="Multi-modal diagnostics",
    data=(
        "569 breast cancer records that come with scikit-learn, real: ten of their columns as a table, four others as "
        "pictures of 32 × 32 pixels that a generator in the file draws"
    ),
    measure="ROC AUC of malignant tumours among 169 patients that training never saw",
    baseline="logistic regression on the table alone",
    target=0.97,
    quick_target=0.94,
)

SIDE, VIEWS = 32, 6  # pixels of a picture; how many pictures of each patient are drawn to train on


def drawn(facts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A nucleus (32, 32, 1), from four measurements between 0 and 1, turned at random, with noise."""
    size, depth, dents, rough = facts
    y, x = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) / (SIDE / 2)
    angle, radius = np.arctan2(y, x) + rng.uniform(0, 2 * np.pi), np.hypot(x, y)
    edge = (0.3 + 0.6 * size) * (1 - 0.5 * depth * np.cos((2 + round(8 * dents)) * angle) ** 2)
    inside = 1 / (1 + np.exp((radius - edge) * 25))
    picture = inside * (0.7 + 0.5 * rough * rng.normal(size=inside.shape)) + rng.normal(0, 0.1, inside.shape)
    return np.array(picture[..., np.newaxis], "float32")


def data() -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Inputs (image, table) and answers (1 is malignant) to train on; the same of held-out patients."""
    records = load_breast_cancer(as_frame=True)
    errors = [name for name in records.data if name.endswith("error")]
    shown = ["worst radius", "worst concavity", "worst concave points", "worst texture"]
    table, facts = np.log(records.data[errors] + 1e-3), minmax_scale(records.data[shown])
    malignant = 1 - records.target.to_numpy()[:, np.newaxis]
    rows = train_test_split(np.arange(len(table)), test_size=169, stratify=malignant, random_state=0)
    scaled, rng = ((table - table.mean()) / table.std()).to_numpy("float32"), np.random.default_rng(0)
    parts = []
    for which in (np.repeat(rows[0], VIEWS), rows[1]):
        pictures = np.stack([drawn(facts[row], rng) for row in which])
        parts += [{"image": pictures, "table": scaled[which]}, malignant[which].astype("float32")]
    return parts[0], parts[1], parts[2], parts[3]


def build() -> Model:
    """Image (N, 32, 32, 1), table (N, 10) -> probability (N, 1) of malignancy, by both, by the image, by the table."""
    image, table = Input((SIDE, SIDE, 1), name="image"), Input((10,), name="table")
    x = image
    for filters in (8, 16, 32):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    of_image = layers.Dense(32, activation="relu")(layers.Flatten()(x))
    of_table = layers.Dense(32, activation="relu")(table)
    seen = {"both": layers.Concatenate()([of_image, of_table]), "picture": of_image, "numbers": of_table}

    outputs = {}
    for name, features in seen.items():
        x = layers.Dense(16, activation="relu")(layers.Dropout(0.4)(features))
        outputs[name] = layers.Dense(1, activation="sigmoid", name=name)(x)
    model = Model({"image": image, "table": table}, outputs, name="medical")
    model.compile(optimizers.Adam(1e-3), loss=dict.fromkeys(outputs, "binary_crossentropy"))
    return model


def draw(pictures: np.ndarray, said: dict[str, np.ndarray], malignant: np.ndarray) -> Figure:
    """Two patients of each kind; and how many healthy ones are alarmed for how many tumours that are found."""
    figure, axes = plt.subplots(1, 5, figsize=(10, 3), layout="constrained", width_ratios=[1, 1, 1, 1, 2])
    some = [*np.flatnonzero(malignant[:, 0] == 0)[:2], *np.flatnonzero(malignant[:, 0])[:2]]
    for place, i in zip(axes, some, strict=False):
        place.imshow(pictures[i, ..., 0], cmap="gray", vmin=-0.2, vmax=1.2)
        words = [f"{name} {answer[i, 0]:.0%}" for name, answer in said.items()]
        place.set_title("\n".join(["malignant" if malignant[i, 0] else "benign", *words]), size=9)
        place.axis("off")
    for name, answer in said.items():
        false, true, _ = roc_curve(malignant, answer)
        axes[-1].plot(false, true, label=f"{name}, area {roc_auc_score(malignant, answer):.3f}")
    axes[-1].set(xlabel="benign, but called malignant", ylabel="malignant tumours found", xlim=(0, 0.5))
    axes[-1].legend(loc="lower right")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, y_train, x_test, y_test = data()
    model = build()
    wanted, wanted_of_test = (dict.fromkeys(("both", "picture", "numbers"), y) for y in (y_train, y_test))
    epochs = 4 if quick else 15
    history = model.fit(x_train, wanted, epochs=epochs, validation_data=(x_test, wanted_of_test), verbose=2)
    said = model.predict(x_test, verbose=0)
    areas = {name: float(roc_auc_score(y_test, answer)) for name, answer in said.items()}
    linear = LogisticRegression().fit(x_train["table"], y_train[:, 0]).predict_proba(x_test["table"])[:, 1]
    model.save(out / "medical.lamina")
    return Result(
        model,
        {name: array[:64] for name, array in x_test.items()},
        areas["both"],
        float(roc_auc_score(y_test, linear)),
        draw(x_test["image"], said, y_test),
        history,
        more={f"ROC AUC of the {name} alone": areas[name] for name in ("picture", "numbers")},
    )
