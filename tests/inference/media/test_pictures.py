import io
import os
import threading
import warnings

import numpy as np
import pytest
from PIL import Image, ImageFile, TiffImagePlugin

from mien.core.errors import InputError, MissingMediaError, OversizedMediaError, UnreadableMediaError
from mien.inference.media import pictures
from mien.inference.media.pictures import read_picture


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def photo() -> Image.Image:
    """Return 20 x 12 pixels, each quarter in a color of its own."""
    array = np.zeros((12, 20, 3), np.uint8)
    array[:6, :10], array[:6, 10:], array[6:, :10], array[6:, 10:] = (250, 0, 0), (0, 250, 0), (0, 0, 250), (90, 90, 90)
    return Image.fromarray(array)


def test_every_kind_of_source_gives_the_same_picture(photo, tmp_path) -> None:
    path = tmp_path / "ein Bild äöü 表情 .png"
    photo.save(path)
    expected = np.asarray(photo)
    data = path.read_bytes()
    for source in (path, str(path), data, bytearray(data), memoryview(data), photo, expected):
        found = read_picture(source)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP", "JPEG", "JPEG2000", "AVIF"])
def test_the_common_formats_are_read(photo, kind) -> None:
    found = read_picture(encode(photo, kind))
    assert found.shape == (12, 20, 3)
    assert np.abs(found[3, 3].astype(int) - (250, 0, 0)).max() < 40


@pytest.mark.parametrize(("kind", "top"), [(b"P6", 65535), (b"P6", 1023), (b"P5", 1023), (b"P5", 100)])
def test_a_ppm_of_other_shades_is_read_if_it_is_small(kind, top) -> None:
    def draw(width: int, height: int) -> bytes:
        count = width * height * (3 if kind == b"P6" else 1)
        return (
            b"%s %d %d %d\n" % (kind, width, height, top) + np.full(count, top, ">u2" if top > 255 else "u1").tobytes()
        )

    assert (read_picture(draw(20, 12)) == 255).all()
    with pytest.raises(UnreadableMediaError, match=r"other than 256 shades; such are read up to 400,000 pixels"):
        read_picture(draw(800, 600))


def test_plain_shades_are_read_at_any_size() -> None:
    for header, dtype in ((b"P5 800 600 65535\n", ">u2"), (b"P5 800 600 255\n", "u1")):
        assert read_picture(header + np.full(480_000, 255, dtype).tobytes()).shape == (600, 800, 3)


def test_odd_exif_is_nothing_to_warn_of(photo) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[34665], tags[34665] = 4, 10**6  # EXIF that lies behind the end of the file
    file = io.BytesIO()
    photo.save(file, "TIFF", tiffinfo=tags)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert read_picture(file.getvalue()).shape == (12, 20, 3)
    assert not warned


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_turned_picture_comes_out_upright(photo, kind, orientation) -> None:
    turns = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # how a camera held that way stores the scene
    stored = photo if turns[orientation] is None else photo.transpose(turns[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    if kind == "WEBP":
        options = {"lossless": True}
    found = read_picture(encode(stored, kind, exif=exif, **options))
    assert found.shape == (12, 20, 3)
    assert np.abs(found.astype(int) - np.asarray(photo)).max() < 130
    for row, column in ((2, 4), (2, 15), (9, 4), (9, 15)):
        assert np.abs(found[row, column].astype(int) - np.asarray(photo)[row, column]).max() < 30


def test_a_pil_image_is_turned_too_and_stays_as_it_was(photo) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encode(photo, "PNG", exif=exif)))
    assert read_picture(image).shape == (20, 12, 3)
    assert image.size == (20, 12)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_gray_is_scaled_and_not_clipped(kind) -> None:
    values = np.array([[0, 255, 256, 257], [32768, 65535, 65406, 65407]], np.uint16)
    found = read_picture(encode(Image.fromarray(values), kind))
    expected = np.rint(values / 257).astype(np.uint8)
    np.testing.assert_array_equal(found, np.repeat(expected[:, :, None], 3, axis=2))


def test_a_16_bit_pgm_is_scaled() -> None:
    data = b"P5 3 1 65535\n" + np.array([0, 32768, 65535], ">u2").tobytes()
    np.testing.assert_array_equal(read_picture(data)[0, :, 0], [0, 128, 255])


@pytest.mark.parametrize("array", [np.full((4, 4), 0.5, np.float32), np.full((4, 4), 1 << 20, np.int32)])
def test_gray_without_an_agreed_range_is_refused(array) -> None:
    with pytest.raises(UnreadableMediaError, match="no range is agreed"):
        read_picture(encode(Image.fromarray(array), "TIFF"))


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_a_phones_heic_is_called_by_its_name(tmp_path, brand) -> None:
    file = tmp_path / "IMG_1.HEIC"
    file.write_bytes(b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x00\x00mif1heic" + bytes(500))
    with pytest.raises(UnreadableMediaError, match=r"IMG_1.HEIC is HEIC, .*; save it as JPEG\.$"):
        read_picture(file)
    with pytest.raises(UnreadableMediaError, match="none of the formats"):
        read_picture(file.read_bytes().replace(brand, b"none", 1))


@pytest.mark.parametrize(
    "start", [b"\0\0\0\x20ftypisom", b"\0\0\0\x14ftypqt  ", b"\x1aE\xdf\xa3", b"RIFF\x24\0\0\0AVI LIST"]
)
def test_a_video_is_called_one(tmp_path, start) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(start + bytes(500))
    with pytest.raises(UnreadableMediaError, match=r"clip.mp4 is a video, not a picture\. Use `mien watch`"):
        read_picture(file)


def test_addresses_and_empty_paths_are_no_files() -> None:
    with pytest.raises(InputError, match=r"https://example\.org/a\.jpg is an address, and mien opens none"):
        read_picture("https://example.org/a.jpg")
    with pytest.raises(InputError, match="path of a picture is empty"):
        read_picture("")


def test_palette_and_bilevel_and_gray_pictures_keep_their_look(photo) -> None:
    np.testing.assert_array_equal(read_picture(encode(photo.quantize(8))), np.asarray(photo))
    bilevel = Image.fromarray(np.eye(8, dtype=bool))
    np.testing.assert_array_equal(read_picture(encode(bilevel))[:, :, 0], np.eye(8, dtype=np.uint8) * 255)
    gray = photo.convert("L")
    np.testing.assert_array_equal(read_picture(encode(gray))[:, :, 1], np.asarray(gray))


def test_cmyk_is_converted() -> None:
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    red, green, blue = read_picture(encode(cyan, "JPEG", quality=95))[4, 4].astype(int)
    assert red < 60
    assert green > 180
    assert blue > 180


def test_what_shines_through_stands_on_white(photo) -> None:
    rgba = photo.convert("RGBA")
    rgba.putalpha(Image.fromarray(np.where(np.arange(20) < 10, 0, 255).astype(np.uint8)[None].repeat(12, 0)))
    for data in (encode(rgba), encode(rgba, "WEBP", lossless=True), encode(rgba, "GIF")):
        found = read_picture(data)
        assert (found[:, :10] == 255).all()
        np.testing.assert_array_equal(found[:, 10:], np.asarray(photo)[:, 10:])
    half = Image.new("LA", (4, 4), (0, 128))
    assert abs(int(read_picture(encode(half))[0, 0, 0]) - 127) <= 1
    palette = photo.quantize(8)
    clear = palette.getpixel((0, 0))
    assert (read_picture(encode(palette, transparency=clear))[:6, :10] == 255).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(photo, kind) -> None:
    later = [Image.new("RGB", photo.size, color) for color in ("white", "black")]
    options = {"lossless": True} if kind == "WEBP" else {}
    found = read_picture(encode(photo, kind, save_all=True, append_images=later, **options))
    np.testing.assert_array_equal(found, np.asarray(photo))


@pytest.mark.parametrize(
    "data", [b"", b"hello, I am no picture", bytes(1000), b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
)
def test_bytes_that_are_no_picture_are_refused(data, tmp_path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(UnreadableMediaError):
            read_picture(source)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_a_truncated_picture_is_refused(kind, share) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8))
    data = encode(noise, kind)
    with pytest.raises(UnreadableMediaError):
        read_picture(data[: int(len(data) * share)])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_damaged_pictures_fail_with_our_error_or_not_at_all(photo) -> None:
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000"):
        data = encode(photo, kind)
        for _ in range(40):
            damaged = bytearray(data)
            for position in rng.integers(0, len(data), 6):
                damaged[position] = rng.integers(0, 256)
            try:
                found = read_picture(bytes(damaged))
            except InputError:
                continue
            assert found.dtype == np.uint8


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for side in (11_000, 20_000, 60_000):  # above our limit; above Pillow's warning; above Pillow's own limit
            data = b"P5 %d %d 255\n" % (side, side)
            with pytest.raises(OversizedMediaError, match="million"):
                read_picture(data)
        for width, height in ((1, pictures.MAX_SIDE_PX + 1), (pictures.MAX_SIDE_PX + 1, 1)):
            with pytest.raises(OversizedMediaError, match="65,535 pixels a side"):
                read_picture(b"P5 %d %d 255\n" % (width, height))
        assert read_picture(b"P5 1 %d 255\n" % pictures.MAX_SIDE_PX + bytes(pictures.MAX_SIDE_PX)).shape[1] == 1
        monkeypatch.setattr(pictures, "MAX_PIXELS", 100)
        for source in (np.zeros((11, 10), np.uint8), Image.new("L", (10, 11))):
            with pytest.raises(UnreadableMediaError, match="10 x 11"):
                read_picture(source)


def test_a_large_picture_within_the_limit_gives_no_warning() -> None:
    side = 9_600  # 92 million: Pillow itself would warn
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnreadableMediaError, match="cut short"):  # a header alone: nothing large is decoded
            read_picture(b"P5 %d %d 255\n" % (side, side) + bytes(10))


def test_reading_in_threads_leaves_the_warning_filters_alone(photo) -> None:
    data, before = encode(photo), list(warnings.filters)
    threads = [threading.Thread(target=lambda: [read_picture(data) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def test_a_file_that_is_slow_to_open_holds_nobody_up(photo, monkeypatch) -> None:
    is_open, may_go, open_file = threading.Event(), threading.Event(), Image.open

    def open_slowly(file, **how):
        if threading.current_thread().name == "slow":
            is_open.set()
            assert may_go.wait(10)
        return open_file(file, **how)

    monkeypatch.setattr(Image, "open", open_slowly)
    data, before = encode(photo), list(warnings.filters)
    slow = threading.Thread(target=read_picture, args=(data,), name="slow")
    slow.start()
    assert is_open.wait(10)
    quick = threading.Thread(target=read_picture, args=(data,), daemon=True)
    quick.start()
    quick.join(5)
    assert not quick.is_alive()
    may_go.set()
    slow.join()
    assert list(warnings.filters) == before


def test_a_huge_file_is_refused_before_it_is_read(tmp_path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(pictures.MAX_FILE_BYTES + 1)
    with pytest.raises(UnreadableMediaError, match="MiB"):
        read_picture(path)


def test_what_is_no_file_is_refused(tmp_path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    for path, reason in (
        (tmp_path, "is a folder"),
        (tmp_path / "absent.png", "does not exist"),
        (fifo, "no regular file"),
        (tmp_path / ("x" * 400), "can't be read"),
        ("a\0b", "a"),
    ):
        with pytest.raises(UnreadableMediaError, match=reason) as caught:
            read_picture(path)
        assert isinstance(caught.value, MissingMediaError) == ("does not exist" in str(caught.value))
        assert caught.value.advice == ("Name a file in it." if path == tmp_path else None)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_refused(tmp_path) -> None:
    path = tmp_path / "locked.png"
    path.touch(mode=0o000)
    with pytest.raises(UnreadableMediaError, match="can't be read"):
        read_picture(path)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4)),
        np.full((4, 4), np.nan),
        np.zeros((4, 4), np.uint16),
        np.zeros((4, 4), bool),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_an_array_of_another_kind_is_refused_with_the_shape_it_should_have(array) -> None:
    with pytest.raises(InputError, match=r"\(H, W\) gray or \(H, W, 3\) RGB"):
        read_picture(array)


@pytest.mark.parametrize("source", [None, 3, [[1, 2], [3, 4]], object()])
def test_a_source_of_another_type_is_refused(source) -> None:
    with pytest.raises(InputError, match="a picture is a path"):
        read_picture(source)
