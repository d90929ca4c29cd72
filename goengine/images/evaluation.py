"""How good a classifier is: scikit-learn's measures by class, with bootstrap intervals over the images."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goengine.intervals import Interval, Resamples

__all__ = ["Evaluation"]


@dataclass(frozen=True)
class Evaluation:
    """A classifier's answers beside the truth.

    Attributes:
        probabilities: float32 (n, classes), each row sums to 1.
        labels: int64 (n,), the true classes.
        classes: their names.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """Int64 (n,), the most probable class of each image."""
        return np.asarray(self.probabilities.argmax(1))

    @property
    def accuracy(self) -> float:
        """Share of the images whose most probable class is the true one."""
        return float((self.predicted == self.labels).mean())

    @cached_property
    def interval(self) -> Interval:
        """95 % of the accuracy: bootstrap over the images, or Wilson's where that reaches further."""
        return Resamples(np.arange(len(self.labels))).share(self.predicted == self.labels)

    @property
    def loss(self) -> float:
        """Mean cross-entropy, nats."""
        own = self.probabilities[np.arange(len(self.labels)), self.labels]
        return float(-np.log(np.maximum(own, 1e-12)).mean())

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Int64 (classes, classes): of the images of the row's class, how many were taken for the column's."""
        from sklearn.metrics import confusion_matrix

        return np.asarray(confusion_matrix(self.labels, self.predicted, labels=range(len(self.classes))))

    @cached_property
    def by_class(self) -> list[dict[str, Any]]:
        """Name, images, precision, recall, F1 and area under the ROC curve of each class against all others.

        A class that is never predicted has precision 0; where all images or none are of a class its area is NaN.
        """
        from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

        table = zip(
            *precision_recall_fscore_support(
                self.labels, self.predicted, labels=range(len(self.classes)), zero_division=0.0
            ),
            strict=True,
        )
        rows = []
        for number, (precision, recall, f1, images) in enumerate(table):
            own = self.labels == number
            area = roc_auc_score(own, self.probabilities[:, number]) if own.any() and not own.all() else np.nan
            values = {"precision": precision, "recall": recall, "f1": f1, "auc": area}
            rows.append(
                {"class": self.classes[number], "images": int(images)} | {k: float(v) for k, v in values.items()}
            )
        return rows

    def roc(self, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False and true positive rates of a class against all others, for every threshold, both rising from 0 to 1."""
        from sklearn.metrics import roc_curve

        false, true, _ = roc_curve(self.labels == number, self.probabilities[:, number])
        return false, true

    def mistakes(self, count: int) -> NDArray[np.int64]:
        """The numbers of the wrong answers, the most confident first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        sure = self.probabilities[wrong, self.predicted[wrong]]
        return wrong[np.argsort(-sure, kind="stable")][:count]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; what is NaN is None."""
        rows = [
            {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()} for row in self.by_class
        ]
        return {
            "images": len(self.labels),
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "loss": self.loss,
            "classes": rows,
            "confusion": self.confusion.tolist(),
        }
