"""Read what the functions of a file take, as Prefect's parameter schema. A script, run on its own.

`python signature.py` runs in the interpreter that runs the flows, never inside Sluice: reading a signature
truly means importing the user's file. With signature_schema.py beside it, it needs the standard library only.
Standard input holds one JSON object `{"file": absolute path, "functions": [names]}`. Standard output gets one
JSON object per line: first what the text of the file says (read by `ast`, nothing executed), then what
importing it says. Each has `source` (`ast` or `import`), `error` and `error_line` (null, or why and where
reading failed), `functions` (an answer or null by name) and `known` (the names of all functions). An answer
has `flow_name`, `description`, `schema`, `open` (takes any keyword), `coroutine` and `line`. Who waits too
long, or whose import fails, has the first line.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import os
import sys
import traceback
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

if typing.TYPE_CHECKING or __name__ != "__main__":
    from scheduler.signature_schema import NAMES, Json, parameter_docs, parameters_schema
else:
    from signature_schema import NAMES, Json, parameter_docs, parameters_schema  # beside this script

# --- From the text of the file

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
if typing.TYPE_CHECKING:
    Function = ast.FunctionDef | ast.AsyncFunctionDef  # an expression that Python 3.9 cannot evaluate


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
    defaults: list[ast.expr | None] = [*[None] * missing, *arguments.defaults, *arguments.kw_defaults]
    kinds = inspect.Parameter
    for index, argument in enumerate([*positional, *arguments.kwonlyargs]):
        kind = kinds.POSITIONAL_OR_KEYWORD if index < len(positional) else kinds.KEYWORD_ONLY
        annotation = kinds.empty if argument.annotation is None else type_from_text(argument.annotation)
        default = defaults[index]
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


def functions_in(body: Sequence[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function]]:
    """The functions of a file by name, those of its classes as `Class.method`."""
    for node in body:
        if isinstance(node, FUNCTIONS):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from functions_in(node.body, f"{prefix}{node.name}.")


def read_text(file: str, names: list[str]) -> Json:
    """The first answer: nothing of the file is executed."""
    try:
        with open(file, "rb") as stream:
            tree = ast.parse(stream.read(), file)
    except SyntaxError as error:
        return failure("ast", names, f"{type(error).__name__}: {error.msg}", error.lineno)
    except (OSError, ValueError) as error:
        return failure("ast", names, str(error), None)
    nodes = dict(functions_in(tree.body))
    found = {name: answer_from_text(nodes[name]) if name in nodes else None for name in names}
    return reading("ast", found, nodes)


# --- From importing the file


def load(file: str) -> types.ModuleType:
    """The file as a module, its folder first on the path, as when a run loads it."""
    sys.path[0] = os.path.dirname(file)
    name = os.path.splitext(os.path.basename(file))[0]
    if name in sys.modules or name in getattr(sys, "stdlib_module_names", ()):
        name = f"__sluice_{name}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{os.path.basename(file)} does not look like a Python file")
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find(module: types.ModuleType, name: str) -> Any:
    """What a name, `function` or `Class.method`, stands for in a module; None for nothing."""
    thing: Any = module
    for part in name.split("."):
        thing = getattr(thing, part, None)
    return thing


def with_types(function: Any) -> Iterator[inspect.Parameter]:
    """The parameters, annotations evaluated; where that fails (`if TYPE_CHECKING:`), as their text says."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 (evaluating annotations runs any code, which may raise anything)
        hints = {}
    for item in inspect.signature(function).parameters.values():
        annotation = hints.get(item.name, item.annotation)
        if isinstance(annotation, str):
            annotation = type_from_text(ast.Constant(annotation))
        yield item.replace(annotation=annotation)


def answer_from_object(thing: Any) -> Json | None:
    """What a loaded function, or a Prefect flow around one, says; None when it cannot be called."""
    function = thing.fn if callable(getattr(thing, "fn", None)) else thing
    if not callable(function):
        return None
    parameters = list(with_types(function))
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
        found = {name: answer_from_object(find(module, name)) for name in names}
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
