"""scikit-learn has no CNN: a pipeline of its own, fitted on half of the digits, whose
predict_proba is the model. `make` is a factory that returns this method."""

from pathlib import Path
from typing import Any, Callable

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from doors import weights


def as_rows(images: Any) -> npt.NDArray[np.float64]:
    """Images, as an array or a tensor, to one row of pixels each."""
    array = np.asarray(images, dtype=np.float64)
    return array.reshape(len(array), -1)


def fit(digits_folder: Path) -> Path:
    """Writes sklearn.joblib into the folder of the digits."""
    images, labels = (np.load(digits_folder / f"{name}.npy") for name in ("images", "labels"))
    model = make_pipeline(FunctionTransformer(as_rows), StandardScaler(),
                          LogisticRegression(C=0.1, max_iter=1000))
    model.fit(images[::2], labels[::2])
    path = digits_folder / "sklearn.joblib"
    joblib.dump(model, path)
    return path


def make() -> Callable[..., Any]:
    predict_proba: Callable[..., Any] = joblib.load(
        weights.place().with_name("sklearn.joblib")).predict_proba
    return predict_proba
