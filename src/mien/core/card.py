"""The model card: what a model file says of itself, and its JSON."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mien.core.errors import CardError

SCHEMA_VERSION = 1
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


def _refuse_control_characters(text: str) -> str:
    if not text.isprintable():
        raise ValueError("the text holds line breaks or control characters")
    return text


Line = Annotated[str, AfterValidator(_refuse_control_characters)]
"""Text that can be printed on one line of any terminal."""

_Card = TypeVar("_Card", bound="ModelCard")
Label = Annotated[Line, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ModelInput(_Strict):
    """What the graph takes: a batch of square uint8 crops."""

    layout: Literal["NHW", "NHWC"]
    dtype: Literal["uint8"] = "uint8"
    size_px: int = Field(ge=1)
    color: Literal["gray", "rgb"]

    @model_validator(mode="after")
    def _layout_fits_color(self) -> ModelInput:
        if (self.layout == "NHW") != (self.color == "gray"):
            raise ValueError(f"layout {self.layout} does not go with {self.color} pictures")
        return self


class TrainingData(_Strict):
    """What the weights were trained on.

    Attributes:
        name: The data set, such as "FER2013".
        license: Its terms, in a sentence.
        sha256: Hash of the imported pictures, labels and splits.
        test_sha256: Hash of the pictures of its test part, none of which was learned; None without such a part, for
            photos, and in cards of before 2026-11-23.
    """

    name: Line
    license: Line
    sha256: Sha256
    test_sha256: Sha256 | None = None


class Metrics(_Strict):
    """How one split was scored, with the shipped file itself.

    Attributes:
        n: Pictures scored.
        accuracy: Share with the right top label.
        accuracy_ci95: 95 % interval of the accuracy (Wilson).
        macro_f1: Mean F1 over the classes.
        ece: Expected calibration error of the top label, 15 equal bins.
        accuracy_without_twins: Accuracy on the pictures that have no pixel-identical twin in train.
        n_without_twins: Their number.
    """

    n: int = Field(ge=1)
    accuracy: Share
    accuracy_ci95: tuple[Share, Share]
    macro_f1: Share
    ece: Share
    accuracy_without_twins: Share | None = None
    n_without_twins: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _interval_is_ordered(self) -> Metrics:
        low, high = self.accuracy_ci95
        if low > high:
            raise ValueError(f"accuracy_ci95 is [low, high], got [{low}, {high}]")
        return self


class FacesMetrics(_Strict):
    """How a detector was scored on one split, with the shipped file itself.

    Attributes:
        n: Pictures scored.
        ap_16: Average precision at IoU 0.5 for faces whose shorter side has at least 16 px; None without such faces.
        ap_32: Likewise, 32 px.
        ap_64: Likewise, 64 px.
        false_faces_per_picture: Detections at the default score that touch no face.
        landmark_error: Median over found faces of at least 64 px: mean distance to the given landmarks, as a share of
            the distance between the eyes.
    """

    n: int = Field(ge=1)
    ap_16: Share | None
    ap_32: Share | None
    ap_64: Share | None
    false_faces_per_picture: float = Field(ge=0.0)
    landmark_error: float | None = Field(ge=0.0)


class Architecture(_Strict):
    """Which network's weights a file holds, so that it can be built again: to go on with, or to teach on a GPU.

    Attributes:
        name: What the registry of networks calls it.
        options: What it was built with, by name.
    """

    name: Line
    options: dict[Line, int | float]


class ModelCard(_Strict):
    """What every model file says of itself, whatever its task.

    Attributes:
        schema_version: Version of this form; a file of another version is refused.
        name: Short name of the model.
        task: What it answers; each task has a card of its own.
        data: What it was trained on.
        recipe: Name of the recipe.
        recipe_sha256: Hash of the resolved recipe.
        commit: Commit of the code that trained it, or "unknown".
        parameters: Number of trained values.
        network: The network they belong to; None of several together, and where a file doesn't say.
        limits: What the model can't do or must not be used for.
        license: Terms of the weights.
        graph_sha256: Hash of the file without its metadata.
    """

    schema_version: int = SCHEMA_VERSION
    name: Line = Field(min_length=1)
    task: Literal["expression", "faces"]
    data: TrainingData
    recipe: Line
    recipe_sha256: Sha256
    commit: Line
    parameters: int = Field(ge=1)
    network: Architecture | None = None
    limits: tuple[Line, ...]
    license: Line
    graph_sha256: Sha256

    def expect(self, form: type[_Card]) -> _Card:
        """Return this card as one of the wanted task.

        Args:
            form: `ExpressionCard` or `FacesCard`.

        Raises:
            CardError: If the model answers something else.
        """
        if not isinstance(self, form):
            wanted = form.model_fields["task"].default
            raise CardError(f"the model is one for {self.task}, here one for {wanted} is needed. Name another file.")
        return self

    def to_json(self) -> str:
        """Return the card as JSON text; without a hash of a test part where there is none, as before there was one."""
        return self.model_dump_json(exclude={"data": {"test_sha256"}} if self.data.test_sha256 is None else None)

    @staticmethod
    def from_json(text: str) -> ExpressionCard | FacesCard:
        """Read and check a card of any task.

        Raises:
            CardError: If the text is no card, or one of another schema version.
        """
        try:
            head = _Head.model_validate_json(text)
            if head.schema_version == SCHEMA_VERSION:
                return _CARDS[_Task.model_validate_json(text).task].model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the card"
            raise CardError(f"the model card is not valid: {place}: {first['msg']}. Export the model again.") from None
        raise CardError(
            f"the model card has schema version {head.schema_version}, this mien reads {SCHEMA_VERSION}. "
            "Export the model again, or install the mien that made it."
        )


class ExpressionCard(ModelCard):
    """The card of a model that tells expressions.

    Attributes:
        labels: In the order of the graph's output.
        input: What the graph takes.
        crop: How a face has to be framed before it is shown to the graph.
        temperature: Divides the logits inside the graph; fitted on validation.
        votes_temperature: Likewise of a second head, which tells what people voted; None if there is none.
        metrics: By split: figures of the shipped file.
    """

    task: Literal["expression"] = "expression"
    labels: tuple[Label, ...] = Field(min_length=2)
    input: ModelInput
    crop: Line
    temperature: float = Field(gt=0.0)
    votes_temperature: float | None = Field(default=None, gt=0.0)
    metrics: dict[Literal["train", "validation", "test"], Metrics] = Field(default_factory=dict)

    @property
    def has_votes(self) -> bool:
        """Whether a second head tells what people voted."""
        return self.votes_temperature is not None

    @model_validator(mode="after")
    def _labels_are_distinct(self) -> ExpressionCard:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels must differ, got {', '.join(self.labels)}")
        return self


class FacesCard(ModelCard):
    """The card of a model that finds faces in pictures of any size.

    Attributes:
        min_score: The score from which a detection is taken for a face unless the caller says otherwise.
        max_side_px: Longer side to which larger pictures are scaled unless the caller says otherwise.
        smallest_face_px: Shorter side, in the scaled picture, under which it was not taught to find faces.
        metrics: By split: figures of the shipped file.
    """

    task: Literal["faces"] = "faces"
    min_score: Share
    max_side_px: int = Field(ge=32)
    smallest_face_px: float = Field(gt=0.0)
    metrics: dict[Literal["train", "validation", "test"], FacesMetrics] = Field(default_factory=dict)


_CARDS: dict[str, type[ExpressionCard] | type[FacesCard]] = {"expression": ExpressionCard, "faces": FacesCard}


class _Head(BaseModel):
    """What cards of every version have in common; another version may differ in all else."""

    schema_version: int


class _Task(BaseModel):
    """Tells which card it is."""

    task: Literal["expression", "faces"] = "expression"
