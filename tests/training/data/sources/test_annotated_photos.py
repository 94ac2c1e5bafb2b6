import json
import shutil
from codecs import BOM_UTF8

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError, InputError
from mien.training.data.faces.photos import open_photos
from mien.training.data.sources.annotated_photos import import_photos, is_annotated
from mien.training.data.sources.packed import MAX_LINE
from mien.training.data.table import SPLITS

FACE = {"box": [2, 3, 10.5, 12], "landmarks": [[4, 6], [9, 6], [6.5, 8], [5, 11], [8, 11]]}


def write(folder, lines, sizes=((16, 16),)):
    """Write noise pictures 0.png, 1.png, ... and the annotations; a line that is no text is made JSON."""
    folder.mkdir(exist_ok=True)
    for number in range(len(lines)):
        width, height = sizes[number % len(sizes)]
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "annotations.jsonl").write_text(text + "\n", encoding="utf-8")
    return folder


def line(number, split="train", faces=(FACE,), width=16, height=16, **more):
    return {"file": f"{number}.png", "width": width, "height": height, "split": split, "faces": list(faces), **more}


@pytest.fixture
def source(tmp_path):
    """Twenty photos for training, five for testing, each of another size or content."""
    lines = [line(number, "train" if number % 5 else "test", [FACE] * (number % 4)) for number in range(25)]
    return write(tmp_path / "source", lines)


def load(source, tmp_path, name="out", **options):
    import_photos(source, tmp_path / name, **options)
    return open_photos(tmp_path / name)


def test_drawn_photos_come_back(drawn_photos, photo_set, draw_photo):
    lines = [json.loads(text) for text in (drawn_photos / "annotations.jsonl").read_text().splitlines()]
    assert len(photo_set.photos) == len(lines) == 12
    for row, known in enumerate(lines):
        picture = photo_set.picture(row)
        assert picture.shape == (known["height"], known["width"], 3)
        assert np.array_equal(picture, np.asarray(Image.open(drawn_photos / known["file"])))
        faces = photo_set.faces_of(row)
        assert len(faces) == len(known["faces"])
        for face, annotated in zip(faces, known["faces"], strict=True):
            assert np.allclose(face["box"], annotated["box"])
            if annotated["landmarks"] is None:
                assert np.isnan(face["landmarks"]).all()
            else:
                assert np.allclose(face["landmarks"], annotated["landmarks"])
    photo_set.verify()


def test_the_manifest_tells_where_it_came_from(source, tmp_path):
    manifest = import_photos(source, tmp_path / "out", seed=7)
    assert (manifest.task, manifest.source, manifest.seed) == ("faces", "source", 7)
    assert (manifest.name, manifest.license) == ("source", "the photos' own terms")
    assert "held out" in manifest.split


def test_photos_of_wider_face_are_told_by_their_events(tmp_path):
    events = ["0--Parade", "12--Group", "7--Cheering"]
    named = write(tmp_path / "named", [line(number, event=event) for number, event in enumerate(events)])
    assert import_photos(named, tmp_path / "out").name == "WIDER FACE"
    mixed = write(tmp_path / "mixed", [line(0, event="0--Parade"), line(1, event="birthday"), line(2)])
    assert import_photos(mixed, tmp_path / "other").name == "mixed"


ORIGIN = {"name": "A choir", "license": "Ours; ask us first."}


def test_a_folder_tells_its_own_name_and_terms(source, tmp_path):
    (source / "source.json").write_text(json.dumps(ORIGIN), encoding="utf-8")
    manifest = import_photos(source, tmp_path / "out")
    assert (manifest.name, manifest.license, manifest.source) == ("A choir", "Ours; ask us first.", "source")
    assert open_photos(tmp_path / "out").manifest == manifest


def test_what_a_folder_tells_goes_before_the_events(tmp_path):
    source = write(tmp_path / "source", [line(number, event="0--Parade") for number in range(3)])
    assert import_photos(source, tmp_path / "guessed").name == "WIDER FACE"
    (source / "source.json").write_bytes(BOM_UTF8 + json.dumps(ORIGIN).encode())
    assert import_photos(source, tmp_path / "told").name == "A choir"


WRONG_ORIGINS = {
    "empty": ("", "the whole of it: Invalid JSON"),
    "no JSON": ("{name: choir}", "the whole of it: Invalid JSON"),
    "no UTF-8": (json.dumps(ORIGIN).replace("choir", "chœur").encode("cp1252"), "the whole of it: Invalid JSON"),
    "no object": ("[]", "the whole of it: Input should be an object"),
    "no terms": ({"name": "A choir"}, "license: Field required"),
    "no name": ({**ORIGIN, "name": ""}, "name: .* at least 1 .*, got ''"),
    "number": ({**ORIGIN, "license": 4}, "license: Input should be a valid string, got 4"),
    "two lines": ({**ORIGIN, "license": "Ours;\nask us."}, "license: .* line breaks"),
    "misspelt": ({**ORIGIN, "licence": "Ours."}, "licence: Extra inputs are not permitted, got 'Ours.'"),
}


@pytest.mark.parametrize(("wrong", "message"), WRONG_ORIGINS.values(), ids=WRONG_ORIGINS)
def test_a_broken_origin_is_refused_with_its_field(source, tmp_path, wrong, message):
    data = wrong if isinstance(wrong, bytes) else (wrong if isinstance(wrong, str) else json.dumps(wrong)).encode()
    (source / "source.json").write_bytes(data)
    with pytest.raises(DataError, match=rf"source\.json: ({message}).* take it away") as caught:
        import_photos(source, tmp_path / "out")
    assert len(str(caught.value)) < 600
    assert not (tmp_path / "out").exists()


def test_an_origin_that_can_not_be_read_is_not_passed_over(source, tmp_path):
    (source / "source.json").mkdir()
    with pytest.raises(DataError, match=r"source\.json can't be read: .*directory"):
        import_photos(source, tmp_path / "out")


def test_a_folder_is_recognized_by_its_annotations(source, tmp_path):
    assert is_annotated(source)
    assert not is_annotated(tmp_path)
    assert not is_annotated(source / "annotations.jsonl")


def test_a_tenth_of_train_is_held_out_and_the_test_part_stays(source, tmp_path):
    photos = load(source, tmp_path).photos
    assert np.flatnonzero(photos["split"] == 2).tolist() == [0, 5, 10, 15, 20]
    assert np.bincount(photos["split"]).tolist() == [18, 2, 5]


@pytest.mark.parametrize("seed", [0, 1])
def test_photos_that_are_marked_for_validation_are_those_and_none_is_drawn(tmp_path, seed):
    splits = ["validation" if number in (3, 17) else "test" if number == 5 else "train" for number in range(30)]
    source = write(tmp_path / "source", [line(number, split) for number, split in enumerate(splits)])
    manifest = import_photos(source, tmp_path / "out", seed=seed)
    assert manifest.split == "official"
    photos = open_photos(tmp_path / "out")
    assert [SPLITS[number] for number in photos.photos["split"]] == splits
    drawn = write(tmp_path / "drawn", [line(number, split) for number, split in enumerate(["train"] * 30)])
    assert load(drawn, tmp_path, "control").rows_of("validation").size == 3


def test_what_is_held_out_follows_the_seed(source, tmp_path):
    held = [
        load(source, tmp_path, f"out{turn}", seed=seed).rows_of("validation") for turn, seed in enumerate((0, 0, 1, 2))
    ]
    assert held[0].tolist() == held[1].tolist()
    assert len({tuple(rows.tolist()) for rows in held}) > 1


@pytest.mark.parametrize(("count", "held_out"), [(2, 1), (14, 1), (16, 2), (400, 40)])
def test_a_tenth_is_held_out_and_at_least_one(tmp_path, count, held_out):
    lines = [line(number, width=2, height=2, faces=[]) for number in range(count)]
    source = write(tmp_path / "source", lines, [(2, 2)])
    assert np.bincount(load(source, tmp_path).photos["split"]).tolist() == [count - held_out, held_out]


def test_too_few_photos_are_refused(tmp_path):
    source = write(tmp_path / "source", [line(0), line(1, "test")])
    with pytest.raises(DataError, match="has 1 training photos, at least 2"):
        load(source, tmp_path)


def test_a_negative_seed_is_refused(source, tmp_path):
    with pytest.raises(DataError, match="--seed -1"):
        load(source, tmp_path, seed=-1)


def test_other_keys_and_blank_lines_are_let_be(tmp_path):
    source = write(
        tmp_path / "source", [line(0, event="0--Parade"), "", line(2), "  ", line(4, faces=[{**FACE, "blur": 2}])]
    )
    assert len(load(source, tmp_path).photos) == 3


def crowd(count):
    points = [[1.25, 2.75]] * 5
    return [{"box": [number % 15, number % 14, 1.0625, 1.5], "landmarks": points} for number in range(count)]


@pytest.mark.parametrize("count", [694, 2000, 9000])
def test_a_crowd_in_one_line_is_read_whole(tmp_path, count):
    crowded = line(1, faces=crowd(count))
    assert (len(json.dumps(crowded)) > MAX_LINE) == (count > 694)
    source = write(tmp_path / "source", [line(0), crowded, line(2, "test")])
    photos = load(source, tmp_path)
    assert photos.photos["count"].tolist() == [1, count, 1]
    assert np.allclose(photos.faces_of(1)["box"], [face["box"] for face in crowd(count)])


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_a_line_of_just_the_length_at_which_it_is_cut(tmp_path, extra):
    padded = json.dumps(line(1, note=""))
    padded = padded[:-2] + "x" * (MAX_LINE - len(padded) + extra) + '"}'
    assert len(padded) == MAX_LINE + extra
    source = write(tmp_path / "source", [line(0), padded, "{}"])
    with pytest.raises(DataError, match=r"line 3: file"):
        load(source, tmp_path)


def test_a_file_without_line_ends_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("mien.training.data.sources.annotated_photos.MAX_PIECES", 3)
    source = write(tmp_path / "source", [line(0), "x" * (3 * MAX_LINE)])
    with pytest.raises(DataError, match=r"line 2: more than 393,216 characters"):
        load(source, tmp_path)


NAN = json.dumps(line(1)).replace("10.5", "NaN")
WRONG = {
    "no JSON": ("{", "Invalid JSON"),
    "no object": ("[1]", "the whole of it: Input should be an object"),
    "deep": ("[" * 100_000, "Invalid JSON"),
    "no number": (NAN, "Invalid JSON|finite|greater|less"),
    "no file": ({"width": 16}, "file: Field required"),
    "no width": (line(1, width=0), "width: .*greater than or equal to 1, got 0"),
    "half a pixel": (line(1, width=16.5), "width"),
    "part": (line(1, "dev"), "split: .*'train', 'validation' or 'test', got 'dev'"),
    "short box": (line(1, faces=[{"box": [1, 2, 3]}]), r"faces\.0\.box"),
    "flat box": (line(1, faces=[FACE, {"box": [1, 2, 0, 3]}]), r"faces\.1\.box\.2: .*greater than 0, got 0"),
    "endless box": (line(1, faces=[{"box": [1, 2, 1e300, 3]}]), r"faces\.0\.box\.2"),
    "endless point": (line(1, faces=[{**FACE, "landmarks": [[1, 1e39]] * 5}]), r"faces\.0\.landmarks\.0\.1"),
    "four points": (line(1, faces=[{**FACE, "landmarks": [[1, 2]] * 4}]), r"faces\.0\.landmarks"),
    "box outside": (line(1, faces=[{"box": [40, 60, 10, 10]}]), r"faces\.0\.box: \[40.0, 60.0.* outside .*16 x 16"),
    "box before": (line(1, faces=[FACE, {"box": [-10, 2, 10, 10]}]), r"faces\.1\.box: .* outside"),
    "twice": (line(0), "0.png stands in line 1 already"),
}


@pytest.mark.parametrize(("wrong", "message"), WRONG.values(), ids=WRONG)
def test_a_line_that_can_not_be_used_is_named(tmp_path, wrong, message):
    source = write(tmp_path / "source", [line(0), "", line(2), wrong, line(4)])
    with pytest.raises(DataError, match=rf"annotations.jsonl, line 4: .*({message})") as caught:
        load(source, tmp_path)
    assert len(str(caught.value)) < 600
    assert not (tmp_path / "out").exists()


def test_faces_may_reach_over_the_border(tmp_path):
    over = {"box": [-5, -5, 10, 10]}, {"box": [12, 12, 10, 10]}
    source = write(tmp_path / "source", [line(0, faces=over), line(1)])
    assert load(source, tmp_path).faces_of(0)["box"].tolist() == [[-5, -5, 10, 10], [12, 12, 10, 10]]


def test_a_picture_of_another_size_is_named_with_both(tmp_path):
    source = write(tmp_path / "source", [line(0), line(1, width=12, height=16)], [(16, 16), (16, 12)])
    with pytest.raises(DataError, match=r"1\.png is 16 x 12, but annotations.jsonl says 12 x 16"):
        load(source, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "damaged or cut short"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("a picture"), "none of the formats"),
    ],
)
def test_a_broken_picture_is_named_once_and_nothing_is_left(source, tmp_path, spoil, message):
    spoil(source / "7.png")
    with pytest.raises(DataError, match=message) as caught:
        load(source, tmp_path)
    assert str(caught.value).count(str(source / "7.png")) == 1
    assert "annotations.jsonl names it" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_gray_pictures_become_colored(tmp_path):
    source = write(tmp_path / "source", [line(0), line(1)])
    gray = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    Image.fromarray(gray).save(source / "1.png")
    assert np.array_equal(load(source, tmp_path).picture(1), np.repeat(gray[..., None], 3, axis=2))


def test_progress_rises_to_the_number_of_photos(source, tmp_path):
    told = []
    load(source, tmp_path, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 25) for number in range(1, 26)]


def test_a_folder_in_use_is_refused_before_anything_is_read(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    (source / "annotations.jsonl").write_text("broken")
    with pytest.raises(InputError, match="exists already"):
        load(source, tmp_path)


def test_an_empty_list_is_told(source, tmp_path):
    (source / "annotations.jsonl").write_text("")
    with pytest.raises(DataError, match="is empty"):
        load(source, tmp_path)


def test_the_real_annotations_are_read_whole(wider_face, tmp_path):
    """Every line is read, and 12 of the photos."""
    texts = (wider_face / "annotations.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    lines = [json.loads(text) for text in texts]
    assert len(lines) == 2808
    assert sum(len(known["faces"]) for known in lines) == 33_820
    shutil.copy(wider_face / "annotations.jsonl", tmp_path / "annotations.jsonl")  # without the photos
    with pytest.raises(DataError, match=r"0_Parade_Parade_0_102\.webp does not exist"):  # so all lines were good
        load(tmp_path, tmp_path)
    crowded = max(range(len(lines)), key=lambda number: len(lines[number]["faces"]))
    chosen = sorted({crowded, *range(5, len(lines), 260)})
    few = tmp_path / "few"
    few.mkdir()
    (few / "images").symlink_to(wider_face / "images")
    (few / "annotations.jsonl").write_text("".join(texts[number] for number in chosen), encoding="utf-8")
    photos = load(few, tmp_path)
    assert photos.photos["count"].tolist() == [len(lines[number]["faces"]) for number in chosen]
    assert photos.photos["count"].max() == 694
    points = photos.faces["landmarks"][~np.isnan(photos.faces["landmarks"]).any(axis=(1, 2))]
    assert len(points) > 100
    assert (points[:, 0, 0] < points[:, 1, 0]).mean() > 0.98  # the right eye is on the left of the picture
    assert (points[:, :2, 1].mean(axis=1) < points[:, 3:, 1].mean(axis=1)).mean() > 0.98
