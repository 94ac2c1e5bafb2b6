"""What fresh interpreters load: the run time never reaches the training libraries, and `import mien` is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mien

TRAINING_LIBRARIES = {"torch", "lightning", "sklearn", "matplotlib", "onnx", "kornia", "jinja2"}
SOURCE = Path(mien.__file__).parent


def loaded_by(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the top-level packages it loaded."""
    report = f"{code}\nimport sys\nprint('\\n' + ' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, timeout=120, check=True)
    return set(done.stdout.splitlines()[-1].split())


def run_time_modules() -> list[str]:
    found = []
    for folder in ("core", "inference"):
        for path in sorted((SOURCE / folder).rglob("*.py")):
            parts = path.relative_to(SOURCE.parent).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def test_every_run_time_module_stays_clear_of_the_training_libraries() -> None:
    modules = run_time_modules()
    assert {"mien.core.card", "mien.inference.recognizer", "mien.inference.media.drawing"} <= set(modules)
    loaded = loaded_by(f"import {', '.join(modules)}")
    assert not loaded & TRAINING_LIBRARIES


def test_the_control_which_imports_one_is_caught() -> None:
    assert loaded_by("import matplotlib") & TRAINING_LIBRARIES


def test_reading_a_crop_stays_clear_of_them(model_file) -> None:
    code = (
        "import mien, numpy\n"
        f"recognizer = mien.Recognizer.load({str(model_file)!r}, threads=1)\n"
        "recognizer.classify(numpy.zeros((1, 48, 48), numpy.uint8))"
    )
    loaded = loaded_by(code)
    assert "onnxruntime" in loaded
    assert not loaded & TRAINING_LIBRARIES


@pytest.mark.parametrize(
    "module",
    [
        "mien.training.data.importing",
        "mien.training.data.doctor",
        "mien.training.models.registry",
        "mien.training.fit.recipe",
        "mien.training.fit.run",
        "mien.training.evaluate.score",
        "mien.training.evaluate.metrics",
        "mien.apps.cli.main",
        "mien.apps.cli.train",
        "mien.apps.cli.data",
    ],
)
def test_data_work_scoring_and_the_listing_are_quick_to_start(module: str) -> None:
    assert not loaded_by(f"import {module}") & TRAINING_LIBRARIES


def test_importing_mien_loads_nothing_outside_the_standard_library() -> None:
    loaded = loaded_by("import mien")
    assert not loaded & {*TRAINING_LIBRARIES, "numpy", "PIL", "onnxruntime", "pydantic"}


def test_onnx_runtime_is_loaded_on_use_and_not_before() -> None:
    assert "onnxruntime" not in loaded_by("import mien\nmien.Recognizer\nmien.annotate")


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert mien.__all__ == sorted(mien.__all__)
    assert set(mien.__all__) >= {"Box", "Face", "MienError", "Picture", "Recognizer", "annotate", "__version__"}
    for name in mien.__all__:
        assert getattr(mien, name) is not None
        assert name in dir(mien)


def test_every_error_is_public() -> None:
    from mien.core import errors

    tree = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert tree <= set(mien.__all__)


def test_type_checkers_see_the_same_names_as_the_interpreter() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module.startswith("mien.")]
    seen = {alias.name: node.module for node in imports for alias in node.names}
    assert set(seen) == set(mien.__all__) - {"__version__"}
    for name, module in seen.items():
        assert getattr(mien, name).__module__ == module
    assert (SOURCE / "py.typed").exists()


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = mien.no_such_name
