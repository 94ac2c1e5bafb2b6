import io
import sys

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError, UnreadableMediaError
from mien.inference.expression.classifier import Classifier
from mien.inference.expression.model import load_model
from mien.inference.media.pictures import read_picture
from mien.training.data.sources.pictures import PictureForm, as_text, read_pictures


def encode(pixels, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def draw(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def read(files, form=None):
    """Read files given as bytes by name."""
    return read_pictures(files.__getitem__, list(files), form or PictureForm())


@pytest.mark.parametrize("color", ["gray", "rgb"])
@pytest.mark.parametrize("size_px", [32, 48])
def test_pictures_come_as_a_model_of_that_form_is_shown_them(build_model, tmp_path, color, size_px):
    """One crop: what is trained on is what `predict` makes of the same file."""
    (tmp_path / "model.onnx").write_bytes(build_model(color=color, size_px=size_px))
    classifier = Classifier(load_model(tmp_path / "model.onnx", threads=1))
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "same.png": encode(draw(size_px, size_px)),
        "large.jpg": encode(draw(200, 130)),
        "small.webp": encode(draw(17, 20), "WEBP"),
        "gray.bmp": encode(draw(60, 60)[..., 0], "BMP"),
        "turned.jpg": encode(draw(80, 40), "JPEG", exif=turned),
        "clear.png": encode(np.dstack([draw(50, 50), draw(50, 50)[..., :1]])),
    }
    images, notes = read(files, PictureForm(size_px, color))
    expected = [classifier.prepare(read_picture(data)) for data in files.values()]
    assert np.array_equal(images, expected)
    assert [(note.width, note.height) for note in notes] == [
        (size_px, size_px), (200, 130), (17, 20), (60, 60), (40, 80), (50, 50),
    ]  # fmt: skip


def test_pictures_of_the_right_size_keep_their_pixels():
    gray = draw(48, 48)[..., 0]
    images, _ = read({"a.png": encode(gray), "b.png": encode(np.dstack([gray] * 3))})
    assert np.array_equal(images, [gray, gray])


def test_a_picture_of_a_million_pixels_among_crops_is_scaled_and_noted():
    images, notes = read(
        {"crop.png": encode(draw(48, 48)), "photo.png": encode(np.full((1000, 1200, 3), 90, np.uint8))}
    )
    assert (images[1] == 90).all()
    assert (notes[1].width, notes[1].height, notes[1].has_size(48)) == (1200, 1000, False)


def test_unreadable_files_take_no_row_and_have_a_reason():
    whole = encode(draw(48, 48))

    def refuse(name):
        if name == "gone.png":
            raise UnreadableMediaError("can't be read: No such file or directory.")
        return {"a.png": whole, "cut.png": whole[:-2000], "text.png": b"text", "empty.png": b"", "b.png": whole}[name]

    names = ["a.png", "cut.png", "gone.png", "text.png", "empty.png", "b.png"]
    images, notes = read_pictures(refuse, names, PictureForm())
    assert len(images) == 2
    assert [note.row for note in notes] == [0, None, None, None, None, 1]
    assert all(note.problem and note.width is None for note in notes if note.row is None)
    assert not any(note.problem for note in notes if note.row is not None)


def test_a_picture_that_predict_would_refuse_for_its_size_is_unreadable():
    images, notes = read({"dot.png": encode(draw(1, 40)), "least.png": encode(draw(2, 2))})
    assert len(images) == 1
    assert "1 x 40 pixels" in notes[0].problem


@pytest.mark.parametrize("size_px", [-1, 0, 7, 1025])
def test_a_size_that_makes_no_sense_is_refused(size_px):
    with pytest.raises(DataError, match=f"--size-px {size_px}: expected 8 to 1024"):
        PictureForm(size_px)


def test_an_unknown_color_is_refused():
    with pytest.raises(DataError, match="--color 'red': expected gray or rgb"):
        PictureForm(48, "red")


def test_more_than_the_memory_holds_is_refused():
    with pytest.raises(DataError, match=r"take [0-9,.]+ GiB of memory, more than there is. Name a smaller --size-px"):
        PictureForm(1024, "rgb").allocate(10**12)


@pytest.mark.skipif(sys.platform == "win32", reason="names are text there")
def test_a_name_that_is_no_text_can_be_written_down():
    assert as_text("fer\udcff.png") == "fer\ufffd.png"
    assert as_text("ü.png") == "ü.png"
