"""What the documents say: their links lead somewhere, and their table of networks is that of the registry."""

import re
from collections import Counter
from pathlib import Path

import pytest

from mien.training.models.registry import NETWORKS, build_network

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
GUIDE = (ROOT / "docs" / "guides" / "training.md").read_text(encoding="utf-8")

TARGETS = re.compile(
    r"\]\(\s*<?([^)>\s]+)"  # [text](target "title"), ![text](target)
    r"|^\[[^\]]+\]:\s*<?([^>\s]+)"  # [name]: target
    r"|(?:href|src)=[\"']([^\"']+)",
    re.MULTILINE,
)


def prose_of(text: str) -> str:
    """Return a document without its code, in which brackets mean something else."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(?: {4}|\t).*$", "", text, flags=re.MULTILINE)
    return re.sub(r"`[^`\n]+`(?!\])", "", text)


def anchors_of(document: Path) -> set[str]:
    """Return the anchors that GitHub gives a document's headings; a repeated one is numbered."""
    if document.suffix != ".md":
        return set()
    text = re.sub(r"^(```|~~~).*?^\1", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found: Counter[str] = Counter()
    anchors = set()
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, flags=re.MULTILINE):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        anchors.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return anchors


def find_dead_links(document: Path, root: Path) -> list[str]:
    """Return the relative links of a document that lead nowhere, out of the repository, or to no heading."""
    text = document.read_text(encoding="utf-8")
    dead = []
    for target in (found for groups in TARGETS.findall(prose_of(text)) for found in groups if found):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        is_there = path.exists() and path.is_relative_to(root)
        if not is_there or (anchor and anchor not in anchors_of(path)):
            dead.append(target)
    return dead


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_and_image_leads_somewhere(document):
    assert find_dead_links(document, ROOT) == []


def test_there_are_links_to_look_at():
    found = [target for document in DOCUMENTS for target in TARGETS.findall(prose_of(document.read_text("utf-8")))]
    assert len(found) > 20


def test_the_control_dead_links_of_every_kind_are_found(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.md").touch()
    (root / "a b.png").touch()
    (root / "other.md").write_text("# The `first`, and [more](x)\n\n## Twice\n\n## Twice\n\n```sh\n# no heading\n```\n")
    alive = [
        "[a](other.md)", "![i](other.md)", "[a](#its-own)", "[a](other.md#the-first-and-more)", "[a](other.md#twice-1)",
        "[a](https://example.org/nothing)", "[a](mailto:nobody@example.org)", "`[a](code.md)`", "[`b`](other.md)",
    ]  # fmt: skip
    dead = {
        "[a](nothing.md)": "nothing.md",
        "![a](nothing.png)": "nothing.png",
        "[![a](other.md)](behind.md)": "behind.md",
        "[`code`](named.md)": "named.md",
        '[a](titled.md "title")': "titled.md",
        "[a](#nowhere)": "#nowhere",
        "[a](other.md#twice-2)": "other.md#twice-2",
        "[a](other.md#no-heading)": "other.md#no-heading",
        "[a](../outside.md)": "../outside.md",
        '<img src="tag.png">': "tag.png",
        "\n[name]: reference.md": "reference.md",
    }
    code = "\n    [a](indented.md)\n\n```sh\n[a](fenced.md)\n```\n"
    (root / "document.md").write_text("# Its own\n\n" + " ".join(alive) + code + "\n".join(dead))
    assert find_dead_links(root / "document.md", root) == list(dead.values())


def networks_of_the_guide() -> dict[str, list[str]]:
    """Return the cells of the guide's table of networks by name: parameters, multiply-adds, layers."""
    rows = re.findall(r"^\| `([\w-]+)`(?:, width \d+)? \|(.+)\|$", GUIDE, flags=re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")[:3]] for name, cells in rows if cells.count("|") == 4}


def in_millions(count: int, shown: str) -> str:
    """Return a count as the guide shows one, with as many decimals."""
    decimals = len(shown.removesuffix(" M").partition(".")[2])
    return f"{count / 1e6:.{decimals}f} M"


def test_the_guide_names_every_network_with_its_size():
    table = networks_of_the_guide()
    assert list(table) == list(NETWORKS["expression"])
    for entry in NETWORKS["expression"].values():
        parameters, multiply_adds, _ = table[entry.name]
        assert parameters == in_millions(entry.parameters, parameters), entry.name
        assert multiply_adds == in_millions(entry.multiply_adds, multiply_adds), entry.name


@pytest.mark.parametrize("name", sorted(NETWORKS["expression"]))
def test_the_guide_counts_the_layers_that_can_be_frozen(name):
    pytest.importorskip("torch", reason="networks need the train extra")
    from mien.training.fit.layers import find_layers

    layers = len(find_layers(build_network(name, classes=7, channels=1)))
    assert networks_of_the_guide()[name][2] == str(layers)
