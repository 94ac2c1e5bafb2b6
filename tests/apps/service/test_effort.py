"""Small bodies that would keep the service busy for minutes or hours: each is refused in a moment, its like is read."""

import io
import struct
import time

import pytest
from PIL import Image

MOMENT_S = 3.0
"""Each of these took 10 s or far more before; now a few milliseconds."""


@pytest.fixture(scope="module")
def jpeg():
    """Return a progressive JPEG of ten scans."""
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 3000), (90, 90, 90)).save(buffer, "JPEG", progressive=True)
    return buffer.getvalue()


def ask(client, body, path="/v1/predict"):
    begin = time.perf_counter()
    answer = client.post(path, content=body, headers={"Content-Type": "application/octet-stream"})
    return answer, time.perf_counter() - begin


def repeat_last_scan(jpeg, count):
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last * count + b"\xff\xd9"


def add_segments(jpeg, marker, content, count):
    return jpeg[:2] + (marker + struct.pack(">H", len(content) + 2) + content) * count + jpeg[2:]


def refuse(client, body, reason, path="/v1/predict", moment_s=MOMENT_S):
    answer, took_s = ask(client, body, path)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "unreadable_media"
    assert reason in answer.json()["detail"]
    assert took_s < moment_s


def test_jpeg_of_many_scans_is_refused(client, jpeg):
    refuse(client, repeat_last_scan(jpeg, 5000), "over 100 scans")


def test_jpeg_of_some_more_scans_is_read(client, jpeg):
    assert ask(client, repeat_last_scan(jpeg, 80))[0].status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda jpeg: jpeg + b"\xff\xda" * 500,  # what a phone puts behind the picture
        lambda jpeg: add_segments(jpeg, b"\xff\xe2", b"\xff\xda" * 500, 1),  # a color profile, a thumbnail
    ],
)
def test_bytes_like_a_scan_elsewhere_are_no_scans(client, jpeg, change):
    assert ask(client, change(jpeg))[0].status_code == 200


@pytest.mark.parametrize("front", [b"", b"\xff\xd9", b"\xff\xf0\xff\xff", b"\xff\x01"])
def test_jpeg_of_many_exif_parts_is_refused(client, jpeg, front):
    flood = add_segments(jpeg, b"\xff\xe1", b"Exif\0\0x", 1_000_000)
    refuse(client, flood[:2] + front + flood[2:], "over 1,000 parts of EXIF")


def test_jpeg_of_some_exif_parts_is_read(client, jpeg):
    assert ask(client, add_segments(jpeg, b"\xff\xe1", b"Exif\0\0" + b"\0" * 20, 20))[0].status_code == 200


@pytest.mark.parametrize("kind", [b"P1", b"P2", b"P3"])
def test_ppm_of_many_comments_is_refused(client, kind):
    refuse(client, kind + b" 100 100 255\n" + b"#\n" * 1_000_000, "over 1,000 comments")


def test_ppm_of_some_comments_is_read(client):
    assert ask(client, b"P3 40 40 255\n" + b"# one\n" * 500 + b"7 " * 4800)[0].status_code == 200


@pytest.mark.parametrize(
    "start",
    [
        b"\xff\xd8" + b"\xff" * 4_000_000,  # with 16 MB 6 s and more, each
        b"\xff\xd8" + b"\xff\x00" * 2_000_000,
        b"\xff\xd8" + b"\xff\xe0\0\2" * 1_000_000,
    ],
)
def test_file_that_is_gone_over_byte_by_byte_is_given_up(client, start):
    refuse(client, start, "takes too long to read", moment_s=4 * MOMENT_S)  # it is begun with


def test_ppm_that_is_gone_over_pixel_by_pixel_is_refused(client):
    refuse(client, b"P5 4000 4000 254\n" + b"7" * 16_000_000, "other than 256 shades")


def make_bmp(width, height, runs):
    """Return a BMP of 256 colors that is packed by run lengths."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(runs), 0, 0, 54 + 1024) + head + bytes(1024) + runs


def test_bmp_of_many_runs_is_given_up_and_one_of_some_is_read(client):
    refuse(
        client, make_bmp(7000, 7000, b"\1\5" * 7_000_000 + b"\0\1"), "takes too long to read", moment_s=4 * MOMENT_S
    )  # it is begun with
    assert ask(client, make_bmp(300, 200, (b"\1\5" * 300 + b"\0\0") * 200 + b"\0\1"))[0].status_code == 200


def test_ppm_of_many_digits_is_refused_and_one_of_some_is_read(client):
    refuse(client, b"P3 1600 1600 255\n" + b"7 " * (3 * 1600 * 1600), "read up to 4,194,304")
    assert ask(client, b"P3 640 480 255\n" + b"255 " * (3 * 640 * 480))[0].status_code == 200


def make_tiff(jpeg, side):
    """Return a TIFF of one strip, which is a JPEG."""
    tags = [(256, side), (257, side), (258, 8), (259, 7), (262, 6), (273, 122), (277, 3), (278, side), (279, len(jpeg))]
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + fields + bytes(4) + jpeg


def test_tiff_of_a_jpeg_of_many_scans_is_refused_and_one_of_some_is_read(client, jpeg):
    refuse(client, make_tiff(repeat_last_scan(jpeg, 5000), 3000), "over 100 scans")
    assert ask(client, make_tiff(repeat_last_scan(jpeg, 5), 3000))[0].status_code == 200


def test_video_of_packets_without_pictures_is_given_up(client):
    """3 MB name three million frames of one byte; a client that goes away could not end the search for the first."""
    refuse(client, make_movie(3_000_000, b"\0" * 3_000_100), "20,000 parts of the video in a row", "/v1/video")


def test_path_with_a_slash_too_many_is_not_sent_elsewhere(client, jpeg):
    """A redirect would name http:// behind a proxy that speaks HTTPS, and the picture would come again unhidden."""
    answer = client.post("/v1/predict/", content=jpeg, follow_redirects=False)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def box(kind, *parts):
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + kind + content


def make_movie(samples, data):
    """Return a QuickTime film whose frames are one byte each of data that is no picture."""
    sizes = struct.pack(">HHII", 64, 64, 72 << 16, 72 << 16)
    entry = box(b"mjpg", bytes(6), b"\0\1", bytes(16), sizes, bytes(4), b"\0\1", bytes(32), b"\0\x18\xff\xff")
    table = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), entry),
        box(b"stts", struct.pack(">IIII", 0, 1, samples, 1)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, samples, 1)),
        box(b"stsz", struct.pack(">III", 0, 1, samples)),
        box(b"stco", struct.pack(">III", 0, 1, 28)),
    )
    here = box(b"dinf", box(b"dref", struct.pack(">II", 0, 1), box(b"url ", struct.pack(">I", 1))))
    media = box(
        b"mdia",
        box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 600, samples, 0, 0)),
        box(b"hdlr", bytes(8), b"vide", bytes(13)),
        box(b"minf", box(b"vmhd", struct.pack(">IHHHH", 1, 0, 0, 0, 0)), here, table),
    )
    head = box(
        b"tkhd", struct.pack(">IIIIII", 1, 0, 0, 1, 0, samples), bytes(52), struct.pack(">II", 64 << 16, 64 << 16)
    )
    film = box(b"mvhd", struct.pack(">IIIIIIH", 0, 0, 0, 600, samples, 1 << 16, 256), bytes(70), struct.pack(">I", 2))
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"mdat", data) + box(b"moov", film, box(b"trak", head, media))
