"""Read what the functions of a file take, as Prefect's parameter schema. A script, not a module to import.

`python signature.py` runs in the interpreter that runs the flows, never inside Sluice: reading a signature
truly means importing the user's file. It needs the standard library only. Standard input holds one object
`{"file": absolute path, "functions": [names]}`. Standard output gets one JSON object per line: first what the
text of the file says (read by `ast`, nothing executed), then what importing it says. Each has `source` (`ast`
or `import`), `error` and `error_line` (null, or why and where reading failed), `functions` (an answer or null
by name) and `known` (the names of all functions). An answer has `flow_name`, `description`, `schema`, `open`
(takes any keyword), `coroutine` and `line`. Who waits too long, or whose import fails, has the first line.
"""

from __future__ import annotations

import ast
import datetime
import decimal
import enum
import importlib.util
import inspect
import json
import os
import pathlib
import re
import sys
import traceback
import types
import typing
import uuid
from collections import abc
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Json = dict[str, Any]

DEFINITIONS = "#/definitions/{model}"
SIMPLE: dict[type, Json] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    bytes: {"type": "string", "format": "binary"},
    decimal.Decimal: {"anyOf": [{"type": "number"}, {"type": "string"}]},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.time: {"type": "string", "format": "time"},
    datetime.timedelta: {"type": "string", "format": "duration"},
    pathlib.Path: {"type": "string", "format": "path"},
    uuid.UUID: {"type": "string", "format": "uuid"},
}
SETS = {set, frozenset, abc.Set, abc.MutableSet}
ARRAYS: set[Any] = {list, tuple, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection, *SETS}
OBJECTS: set[Any] = {dict, abc.Mapping, abc.MutableMapping}
NAMES: dict[str, Any] = {kind.__name__: kind for kind in (*SIMPLE, *ARRAYS, *OBJECTS)} | {
    "None": type(None),
    "object": object,
}


# --- From types to schema


def schema_of(annotation: Any, definitions: Json) -> Json:
    """The JSON schema of one annotation, as pydantic writes it; `{}` (anything) for what has no JSON form.

    Args:
        annotation: a type, or a typing construct.
        definitions: receives the schemas of enumerations and models, by name.
    """
    if annotation in (inspect.Parameter.empty, typing.Any, object):
        return {}
    if annotation is None:
        return {"type": "null"}
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return annotated_schema(annotation, arguments, definitions)
    if origin is typing.Union or origin is getattr(types, "UnionType", None):
        return {"anyOf": [schema_of(argument, definitions) for argument in arguments]}
    if origin is typing.Literal:
        return values_schema(list(arguments))
    base = origin or annotation
    if base in ARRAYS:
        return array_schema(base, arguments, definitions)
    if base in OBJECTS:
        values = schema_of(arguments[1], definitions) if len(arguments) == 2 else {}
        return {"type": "object", **({"additionalProperties": values} if values else {})}
    return plain_schema(annotation, definitions)


def plain_schema(annotation: Any, definitions: Json) -> Json:
    """The schema of a class: one with a JSON type, an enumeration, or what pydantic knows."""
    if not isinstance(annotation, type):
        return pydantic_schema(annotation, definitions) or {}
    if issubclass(annotation, enum.Enum):
        members = values_schema([member.value for member in annotation])
        definitions[annotation.__name__] = {"title": annotation.__name__, **members}
        return {"$ref": DEFINITIONS.format(model=annotation.__name__)}
    if annotation in SIMPLE:
        return dict(SIMPLE[annotation])
    if issubclass(annotation, pathlib.PurePath):
        return dict(SIMPLE[pathlib.Path])
    return pydantic_schema(annotation, definitions) or {}


def array_schema(base: Any, arguments: tuple[Any, ...], definitions: Json) -> Json:
    """The schema of a list, set or tuple; a tuple of fixed length gives each place its own."""
    if base is tuple and arguments and arguments[-1] is not Ellipsis:
        places = [schema_of(argument, definitions) for argument in arguments]
        return {"type": "array", "prefixItems": places, "minItems": len(places), "maxItems": len(places)}
    items = schema_of(arguments[0], definitions) if arguments else {}
    unique = {"uniqueItems": True} if base in SETS else {}
    return {"type": "array", "items": items, **unique}


def values_schema(values: list[Any]) -> Json:
    """The schema of a choice between values; their type is named when they share one."""
    kinds = {type(value) for value in values}
    shared = SIMPLE.get(kinds.pop(), {}) if len(kinds) == 1 else {}
    return {"enum": [to_json(value) for value in values], **shared}


def annotated_schema(annotation: Any, arguments: tuple[Any, ...], definitions: Json) -> Json:
    """`Annotated[T, ...]`: pydantic's schema when it is there, else that of T, described by a text."""
    schema = pydantic_schema(annotation, definitions) or schema_of(arguments[0], definitions)
    texts = [note for note in arguments[1:] if isinstance(note, str)]
    return schema | ({"description": texts[0]} if texts else {})


def pydantic_schema(annotation: Any, definitions: Json) -> Json | None:
    """What pydantic says of a type, if the user's file has loaded it; None when it has not or cannot."""
    pydantic = sys.modules.get("pydantic")
    adapter = getattr(pydantic, "TypeAdapter", None)
    if adapter is None:
        return None
    try:
        schema: Json = adapter(annotation).json_schema(ref_template=DEFINITIONS)
    except Exception:  # noqa: BLE001 (pydantic raises many kinds for types it does not know; they mean "anything")
        return None
    definitions.update(schema.pop("$defs", {}))
    if isinstance(annotation, type) and schema.get("type") == "object":
        definitions[annotation.__name__] = schema
        return {"$ref": DEFINITIONS.format(model=annotation.__name__)}
    return schema


def to_json(value: Any) -> Any:
    """A default as JSON. Raises TypeError for what has no JSON form."""
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return f"PT{value.total_seconds():g}S"
    if isinstance(value, (uuid.UUID, pathlib.PurePath, decimal.Decimal)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(to_json(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    json.dumps(value, allow_nan=False)
    return value


def default_of(parameter: inspect.Parameter) -> Json:
    """The default as schema; none when it has no JSON form: the function's own applies all the same."""
    try:
        return {"default": to_json(parameter.default)}
    except (TypeError, ValueError):
        return {}


def parameters_schema(parameters: Sequence[inspect.Parameter], docs: dict[str, str]) -> Json:
    """Prefect's schema of a function's parameters.

    Args:
        parameters: `inspect.Parameter` objects, annotations resolved.
        docs: description by parameter name.
    """
    properties: Json = {}
    required: list[str] = []
    definitions: Json = {}
    for position, parameter in enumerate(parameters):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        field = schema_of(parameter.annotation, definitions)
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        else:
            field |= default_of(parameter)
        if parameter.name in docs:
            field["description"] = docs[parameter.name]
        properties[parameter.name] = {**field, "position": position, "title": parameter.name}
    schema = {"title": "Parameters", "type": "object", "properties": properties}
    return (
        schema
        | ({"required": required} if required else {})
        | ({"definitions": definitions} if definitions else {})
    )


# --- From docstrings


def parameter_docs(docstring: str | None) -> dict[str, str]:
    """Descriptions of parameters in a docstring: Google's `Args:` and Sphinx's `:param name:`."""
    found: dict[str, str] = {}
    lines = (docstring or "").splitlines()
    for index, line in enumerate(lines):
        sphinx = re.match(r":param\s+(?:\S+\s+)?(\w+):\s*(.*)", line.strip())
        if sphinx:
            found[sphinx[1]] = sphinx[2]
        elif line.strip() in ("Args:", "Arguments:", "Parameters:"):
            found.update(indented_docs(lines[index + 1 :]))
    return found


def indented_docs(lines: list[str]) -> dict[str, str]:
    """`name: text` entries, each going on in the lines indented below it, up to the first unindented line."""
    found: dict[str, str] = {}
    name, indent = "", 0
    for line in filter(str.strip, lines):
        depth = len(line) - len(line.lstrip())
        if depth == 0:
            break
        indent = indent or depth
        entry = re.match(r"\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)", line) if depth <= indent else None
        if entry:
            name = entry[1]
            found[name] = entry[2]
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


# --- From the text of the file

Function = ast.FunctionDef | ast.AsyncFunctionDef


ANNOTATION_SYNTAX = (
    *(ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Tuple, ast.List),
    *(ast.BinOp, ast.BitOr, ast.Load),
)


class KnownNames(dict[str, Any]):
    """What names in annotations mean when nothing is imported: those of typing, else anything."""

    def __missing__(self, name: str) -> Any:
        return NAMES.get(name) or getattr(typing, name, typing.Any)


class LastName(ast.NodeTransformer):
    """`datetime.date` and `typing.Optional` become `date` and `Optional`."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.copy_location(ast.Name(node.attr, ast.Load()), node)


def type_from_text(node: ast.expr) -> Any:
    """The type that an annotation's syntax names; `typing.Any` for what only importing would tell."""
    try:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode="eval").body
        if not all(isinstance(part, ANNOTATION_SYNTAX) for part in ast.walk(node)):
            return typing.Any
        code = compile(ast.Expression(LastName().visit(node)), "annotation", "eval")
        return eval(code, {"__builtins__": {}}, KnownNames())
    except (TypeError, SyntaxError):  # an unknown name with brackets, or no expression
        return typing.Any


def parameters_from_text(arguments: ast.arguments) -> Iterator[inspect.Parameter]:
    """`inspect.Parameter` objects from a function's syntax; a computed default has no JSON form."""
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = len(positional) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [None] * missing + list(arguments.defaults)
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    kinds = inspect.Parameter
    for argument, default in [*zip(positional, defaults, strict=True), *keywords]:
        kind = kinds.KEYWORD_ONLY if argument in arguments.kwonlyargs else kinds.POSITIONAL_OR_KEYWORD
        annotation = kinds.empty if argument.annotation is None else type_from_text(argument.annotation)
        value = kinds.empty if default is None else literal(default, object())
        yield inspect.Parameter(argument.arg, kind, default=value, annotation=annotation)


def literal(node: ast.expr, otherwise: Any) -> Any:
    """The value of a literal expression."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return otherwise


def decorated(node: Function) -> dict[str, str]:
    """The constant keywords of a `@flow(...)` decorator: its `name` and `description`, if given."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            name = getattr(decorator.func, "id", getattr(decorator.func, "attr", ""))
            if name == "flow":
                pairs = ((str(keyword.arg), literal(keyword.value, None)) for keyword in decorator.keywords)
                return {key: value for key, value in pairs if isinstance(value, str)}
    return {}


def answer_from_text(node: Function) -> Json:
    """What the syntax of one function says."""
    docstring = ast.get_docstring(node)
    options = decorated(node)
    return {
        "flow_name": options.get("name") or node.name.replace("_", "-"),
        "description": options.get("description") or docstring,
        "schema": parameters_schema(list(parameters_from_text(node.args)), parameter_docs(docstring)),
        "open": node.args.kwarg is not None,
        "coroutine": isinstance(node, ast.AsyncFunctionDef),
        "line": node.lineno,
    }


def reading(source: str, functions: Json, known: Iterable[str]) -> Json:
    """One line of the output: what was read."""
    return {
        "source": source,
        "error": None,
        "error_line": None,
        "functions": functions,
        "known": sorted(known),
    }


def failure(source: str, names: list[str], error: str, line: int | None) -> Json:
    """One line of the output: why nothing was read."""
    return reading(source, dict.fromkeys(names), ()) | {"error": error, "error_line": line}


def read_text(file: str, names: list[str]) -> Json:
    """The first answer: nothing of the file is executed."""
    try:
        with open(file, "rb") as stream:
            tree = ast.parse(stream.read(), file)
    except SyntaxError as error:
        return failure("ast", names, f"{type(error).__name__}: {error.msg}", error.lineno)
    except (OSError, ValueError) as error:
        return failure("ast", names, str(error), None)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = {node.name: node for node in tree.body if isinstance(node, functions)}
    found = {name: answer_from_text(nodes[name]) if name in nodes else None for name in names}
    return reading("ast", found, nodes)


# --- From importing the file


def load(file: str) -> types.ModuleType:
    """The file as a module, its folder first on the path, as when a run loads it."""
    sys.path[0] = os.path.dirname(file)
    name = os.path.splitext(os.path.basename(file))[0]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{os.path.basename(file)} does not look like a Python file")
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer_from_object(thing: Any) -> Json | None:
    """What a loaded function, or a Prefect flow around one, says; None when it cannot be called."""
    function = thing.fn if callable(getattr(thing, "fn", None)) else thing
    if not callable(function):
        return None
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 (evaluating annotations runs any code; those that fail count as not given)
        hints = {}
    given = inspect.signature(function).parameters.values()
    parameters = [item.replace(annotation=hints.get(item.name, item.empty)) for item in given]
    docstring = inspect.getdoc(function)
    flow = {} if function is thing else {key: getattr(thing, key, None) for key in ("name", "description")}
    return {
        "flow_name": str(flow.get("name") or getattr(function, "__name__", "flow").replace("_", "-")),
        "description": flow.get("description") or docstring,
        "schema": parameters_schema(parameters, parameter_docs(docstring)),
        "open": any(item.kind is item.VAR_KEYWORD for item in parameters),
        "coroutine": inspect.iscoroutinefunction(function),
        "line": getattr(getattr(inspect.unwrap(function), "__code__", None), "co_firstlineno", None),
    }


def read_import(file: str, names: list[str]) -> Json:
    """The second answer: the file is executed, as a run would."""
    try:
        module = load(file)
        things = {name: getattr(module, name, None) for name in names}
        found = {name: answer_from_object(thing) for name, thing in things.items()}
    except BaseException as error:  # noqa: BLE001 (the user's file may raise anything, SystemExit too; it is the answer)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        line = frames[-1].lineno if frames else None
        return failure("import", names, f"{type(error).__name__}: {error}", line)
    public = (name for name, thing in vars(module).items() if inspect.isfunction(thing) and name[0] != "_")
    return reading("import", found, public)


def main() -> None:
    """Answer one question. What the user's file prints goes to standard error, away from the answers."""
    asked = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for read in (read_text, read_import):
        answers.write(json.dumps(read(asked["file"], asked["functions"])) + "\n")
        answers.flush()
    os._exit(0)  # threads that the user's file started must not keep the answer waiting


if __name__ == "__main__":
    main()
