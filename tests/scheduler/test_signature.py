"""The script that reads what a flow takes: by its text, and by importing it in a child."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scheduler import signature
from sluice.project.signatures import Question, read_signatures

SCRIPT = Path(signature.__file__)

TYPES = """
import datetime
import enum
import pathlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Optional, Union


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def plain(a: int, b: float = 1.5, c: str = "x", d: bool = True, e=None, f: Any = 3): ...
def many(a: list[int] = [1], b: dict[str, int] = {}, c: tuple[int, str] = (1, "a"), d: set[str] = {"x"},
         e: Sequence[float] = (), f: Mapping[str, bool] = {}, g: tuple[int, ...] = (), h: list = []): ...
def times(a: datetime.datetime, b: datetime.date = datetime.date(2026, 1, 2),
          c: datetime.timedelta = datetime.timedelta(minutes=5), d: datetime.time = datetime.time(3)): ...
def choices(a: Literal["x", "y"] = "x", b: Optional[int] = None, c: Union[int, str] = 3, d: int | None = 1,
            e: "str" = "q", f: Annotated[int, "how many"] = 2): ...
def others(a: Colour = Colour.RED, b: pathlib.Path = pathlib.Path("/tmp"), c: object = object()): ...
def open_one(a: int, /, *rest, b: int = 2, **more): ...
async def later(): ...
class Group:
    @staticmethod
    def inner(a: int): ...
"""


def ask(file: Path, *names: str) -> list[dict[str, Any]]:
    """Both answers, read in this process; what importing the file brings is taken away again."""
    path, modules = list(sys.path), set(sys.modules)
    try:
        answers = [read(str(file), list(names)) for read in (signature.read_text, signature.read_import)]
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if getattr(sys.modules[name], "__file__", "").startswith(str(file.parent)):
                del sys.modules[name]
    return [json.loads(json.dumps(answer)) for answer in answers]


def ask_child(file: Path, *names: str) -> list[dict[str, Any]]:
    """Both answers, from the script in a process of its own."""
    question = json.dumps({"file": str(file), "functions": names})
    child = subprocess.run(
        [sys.executable, str(SCRIPT)], input=question, capture_output=True, text=True, check=True, timeout=60
    )
    return [json.loads(line) for line in child.stdout.splitlines()]


def schemas(tmp_path: Path, text: str, name: str) -> list[dict[str, Any]]:
    """The schema of one function, by the text and by importing."""
    file = tmp_path / "flows_under_test.py"
    file.write_text(text)
    return [answer["functions"][name]["schema"] for answer in ask(file, name)]


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    """Without title and position, which each has."""
    found = {}
    for position, (name, field) in enumerate(schema["properties"].items()):
        assert (field["title"], field["position"]) == (name, position)
        found[name] = {key: value for key, value in field.items() if key not in ("title", "position")}
    return found


def test_plain_types(tmp_path: Path) -> None:
    for schema in schemas(tmp_path, TYPES, "plain"):
        assert (schema["title"], schema["type"], schema["required"]) == ("Parameters", "object", ["a"])
        assert properties(schema) == {
            "a": {"type": "integer"},
            "b": {"type": "number", "default": 1.5},
            "c": {"type": "string", "default": "x"},
            "d": {"type": "boolean", "default": True},
            "e": {"default": None},
            "f": {"default": 3},
        }


def test_collections(tmp_path: Path) -> None:
    for schema in schemas(tmp_path, TYPES, "many"):
        found = properties(schema)
        assert found["a"] == {"type": "array", "items": {"type": "integer"}, "default": [1]}
        assert found["b"] == {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "default": {},
        }
        assert found["c"]["prefixItems"] == [{"type": "integer"}, {"type": "string"}]
        assert found["c"]["default"] == [1, "a"]
        assert found["d"] == {
            "type": "array",
            "items": {"type": "string"},
            "uniqueItems": True,
            "default": ["x"],
        }
        assert found["e"]["items"] == {"type": "number"}
        assert found["f"]["additionalProperties"] == {"type": "boolean"}
        assert found["g"] == {"type": "array", "items": {"type": "integer"}, "default": []}
        assert found["h"] == {"type": "array", "items": {}, "default": []}


def test_times(tmp_path: Path) -> None:
    by_text, imported = (properties(schema) for schema in schemas(tmp_path, TYPES, "times"))
    for found in (by_text, imported):
        assert found["a"] == {"type": "string", "format": "date-time"}
        assert [found[name]["format"] for name in "bcd"] == ["date", "duration", "time"]
    assert "default" not in by_text["b"]
    assert [imported[name]["default"] for name in "bcd"] == ["2026-01-02", "PT300S", "03:00:00"]


def test_choices(tmp_path: Path) -> None:
    null = {"type": "null"}
    for schema in schemas(tmp_path, TYPES, "choices"):
        found = properties(schema)
        assert found["a"] == {"enum": ["x", "y"], "type": "string", "default": "x"}
        assert found["b"] == {"anyOf": [{"type": "integer"}, null], "default": None}
        assert found["c"] == {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 3}
        assert found["d"] == {"anyOf": [{"type": "integer"}, null], "default": 1}
        assert found["e"] == {"type": "string", "default": "q"}
        assert found["f"] == {"type": "integer", "description": "how many", "default": 2}


def test_enumerations_paths_and_what_has_no_json_form(tmp_path: Path) -> None:
    by_text, imported = schemas(tmp_path, TYPES, "others")
    assert imported["definitions"] == {
        "Colour": {"title": "Colour", "enum": ["red", "blue"], "type": "string"}
    }
    found = properties(imported)
    assert found["a"] == {"$ref": "#/definitions/Colour", "default": "red"}
    assert found["b"] == {"type": "string", "format": "path", "default": "/tmp"}
    assert found["c"] == {}
    assert "required" not in by_text
    assert "required" not in imported


def test_pydantic_models_when_the_file_loads_pydantic(tmp_path: Path) -> None:
    text = (
        "from typing import Annotated\nfrom pydantic import BaseModel, Field\n"
        "class Inner(BaseModel):\n    n: int = 1\n"
        "class Model(BaseModel):\n    inner: Inner\n    names: list[str] = []\n"
        "def f(m: Model, k: Annotated[int, Field(ge=1, le=9)] = 3): ...\n"
    )
    by_text, imported = schemas(tmp_path, text, "f")
    assert properties(by_text) == {"m": {}, "k": {"default": 3}}
    assert properties(imported)["m"] == {"$ref": "#/definitions/Model"}
    assert set(imported["definitions"]) == {"Model", "Inner"}
    assert imported["definitions"]["Model"]["properties"]["inner"] == {"$ref": "#/definitions/Inner"}
    assert properties(imported)["k"] == {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}


def test_names_descriptions_and_kinds(tmp_path: Path) -> None:
    file = tmp_path / "flows_under_test.py"
    file.write_text(TYPES)
    for answer in ask(file, "open_one", "later", "Group.inner", "absent"):
        found = answer["functions"]
        assert answer["error"] is None
        assert found["absent"] is None
        assert found["open_one"]["open"]
        assert list(found["open_one"]["schema"]["properties"]) == ["a", "b"]
        assert found["open_one"]["flow_name"] == "open-one"
        assert found["later"]["coroutine"]
        assert not found["later"]["open"]
        assert found["Group.inner"]["schema"]["required"] == ["a"]
        assert {"plain", "later"} <= set(answer["known"])


def test_descriptions_of_parameters(tmp_path: Path) -> None:
    text = (
        'def f(a, b, c):\n    """Do it.\n\n    Args:\n        a: first\n            and more\n'
        '        b (int): second\n\n    Returns:\n        c: no parameter\n\n    :param c: third\n    """\n'
    )
    for schema in schemas(tmp_path, text, "f"):
        described = {name: field.get("description") for name, field in schema["properties"].items()}
        assert described == {"a": "first and more", "b": "second", "c": "third"}


def test_flow_decorators_by_text_and_flow_objects_by_import(tmp_path: Path) -> None:
    text = (
        "class Flow:\n    def __init__(self, fn, name, description):\n"
        "        self.fn, self.name, self.description = fn, name, description\n"
        "def flow(name=None, description=None, retries=0):\n\n"
        "    return lambda fn: Flow(fn, name, description)\n"
        "@flow(name='My Flow', description='Says so', retries=3)\ndef f(a: int): ...\n"
    )
    file = tmp_path / "flows_under_test.py"
    file.write_text(text)
    for answer in ask(file, "f"):
        found = answer["functions"]["f"]
        assert (found["flow_name"], found["description"]) == ("My Flow", "Says so")
        assert found["schema"]["required"] == ["a"]


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("\nimport nothing_of_that_name\n", "ModuleNotFoundError", 2),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt", 1),
    ],
)
def test_a_file_that_cannot_be_imported_still_has_its_text(
    tmp_path: Path, text: str, error: str, line: int
) -> None:
    file = tmp_path / "flows_under_test.py"
    file.write_text(text + "\ndef f(a: int): ...\n")
    by_text, imported = ask(file, "f")
    assert by_text["functions"]["f"]["schema"]["required"] == ["a"]
    assert error in imported["error"]
    assert imported["error_line"] == line


def test_a_file_with_a_syntax_error_says_where(tmp_path: Path) -> None:
    file = tmp_path / "flows_under_test.py"
    file.write_text("x = 1\ndef f(:\n")
    for answer in ask(file, "f"):
        assert answer["error"].startswith("SyntaxError: ")
        assert answer["functions"] == {"f": None}
    assert ask(file, "f")[0]["error_line"] == 2


def test_types_that_only_a_type_checker_imports(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from nowhere import Thing\n"
        "def f(a: int, b: Thing | None = None, c: list[Thing] = []): ...\n"
    )
    for schema in schemas(tmp_path, text, "f"):
        assert properties(schema)["a"] == {"type": "integer"}
        assert properties(schema)["b"] == {"anyOf": [{}, {"type": "null"}], "default": None}


def test_annotations_that_are_no_types(tmp_path: Path) -> None:
    text = "def f(a: [int], b: {'x': 1}, c: 3, d: 'not a ( type', e: 'Later' = 1, f: len(()) = 2): ...\n"
    for schema in schemas(tmp_path, text, "f"):
        assert list(schema["properties"]) == ["a", "b", "c", "d", "e", "f"]
        assert schema["required"] == ["a", "b", "c", "d"]


def test_a_file_named_like_a_module_of_python(tmp_path: Path) -> None:
    file = tmp_path / "json.py"
    file.write_text("def f(a: int): ...\n")
    for answer in (ask(file, "f")[1], ask_child(file, "f")[1]):
        assert answer["functions"]["f"]["schema"]["required"] == ["a"]


def test_what_the_file_prints_does_not_mix_with_the_answer(tmp_path: Path) -> None:
    file = tmp_path / "flows_under_test.py"
    file.write_text("import os\nprint('{}')\nos.write(1, b'{}\\n')\ndef f(): ...\n")
    assert [answer["source"] for answer in ask_child(file, "f")] == ["ast", "import"]


def test_the_users_modules_are_found_and_sluices_are_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text("MINE = 1\n")
    file = tmp_path / "flows_under_test.py"
    file.write_text("from worker import MINE\nimport sys\ndef f(a=MINE): ...\n")
    for answer in (ask(file, "f")[1], ask_child(file, "f")[1]):
        assert answer["functions"]["f"]["schema"]["properties"]["a"]["default"] == 1


def test_a_file_that_takes_too_long_is_read_from_its_text(tmp_path: Path) -> None:
    file = tmp_path / "flows_under_test.py"
    file.write_text("import threading\nthreading.Event().wait()\ndef f(a: int): ...\n")
    question = Question(file, tmp_path)
    reading = read_signatures({question: ["f", "g"]}, timeout=1.0)[question]
    assert reading.import_error == "it took longer than 1 s"
    assert reading.text_error is None
    assert list(reading.functions) == ["f"]
    assert reading.known == ["f"]


def test_a_file_that_ends_the_process_is_read_from_its_text(tmp_path: Path) -> None:
    file = tmp_path / "flows_under_test.py"
    file.write_text("import os\nos._exit(0)\ndef f(a: int): ...\n")
    question = Question(file, tmp_path)
    reading = read_signatures({question: ["f"]})[question]
    assert reading.import_error == "the process ended without an answer"
    assert reading.functions["f"].schema["required"] == ["a"]


def test_the_deployments_environment_is_there(tmp_path: Path) -> None:
    file = tmp_path / "flows_under_test.py"
    file.write_text("import os\ndef f(a: str = os.environ['OF_THE_DEPLOYMENT']): ...\n")
    question = Question(file, tmp_path, (("OF_THE_DEPLOYMENT", "yes"),))
    reading = read_signatures({question: ["f"]})[question]
    assert reading.functions["f"].schema["properties"]["a"]["default"] == "yes"
