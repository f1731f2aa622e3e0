"""The house: who may import whom, how big a file may grow, what lies where, and what no file may say."""

from __future__ import annotations

import ast
import fnmatch
import functools
import io
import json
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.lessons import LESSONS

ROOT = Path(__file__).resolve().parent.parent
COURSE = ROOT / "course_lib"
MODULES = sorted(path for path in COURSE.rglob("*.py") if "__pycache__" not in path.parts)

# Who may import whom. Nothing else: a new arrow is a decision, made here.
ARROWS: dict[str, set[str]] = {
    "": set(),  # course_lib/__init__.py
    "errors": set(),
    "trace": set(),
    "lazy": set(),
    "words": set(),
    "notebook": set(),
    "bootstrap": set(),  # it runs before anything is installed
    "patterns": {"errors"},
    "sim": {"trace", "errors"},
    "servers": {"lazy", "errors"},
    "worlds": {"sim", "servers", "lazy", "trace", "errors"},
    "explore": {"sim", "trace", "words", "errors"},
    "wire": {"sim"},
    "views": {"trace", "words"},
    "widgets": {"views", "worlds", "explore", "trace", "words", "errors", "notebook"},
    "grading": {
        "explore",
        "widgets",
        "wire",
        "views",
        "trace",
        "words",
        "errors",
        "lessons",
    },  # of lessons only what LOOKS_UP says
    "lessons": {
        *("patterns", "sim", "servers", "worlds", "explore", "views", "widgets", "grading"),
        *("lazy", "trace", "words", "errors"),
    },
    "lesson": {"servers", "errors", "notebook"},
    "groups": {"bootstrap"},
    "slides": {"bootstrap", "groups"},  # installs, in bootstrap's way and with its sentences
    "website": {"widgets", "views", "words", "notebook", "bootstrap", "groups"},
    "stage": {
        *("patterns", "sim", "servers", "worlds", "explore", "views", "widgets"),
        *("lazy", "trace", "words", "errors"),
    },
    "lite": {"website", "bootstrap", "notebook"},  # fetches and pins in the website's way; `kernel` runs in the browser
    "reference": set(),  # it reads the patterns' sources, and imports none
}

LOOKS_UP = {"course_lib.grading.exercise": {"course_lib.lessons"}}
"""Which lesson has an exercise: all that a kit asks of the lessons. Then it imports that one, by its name."""

# Within a lesson, what the first word of a module's name may import: a picture knows no controls, and so on.
LAYERS: dict[str, set[str]] = {
    "experiment": {"experiment", "programs"},
    "picture": {"picture", "experiment"},
    "lab": {"lab", "picture", "experiment"},
    "programs": {"programs"},
    "answers": {"answers"},
    "exercises": {"exercises", "programs", "answers"},
}

# Who may know a package of others from inside or at all, beyond what everybody may use.
ONLY = {
    "fakeredis._*": ["course_lib/sim/fake_server*.py"],
    "ipywidgets*": ["course_lib/widgets/*", "course_lib/lessons/*/lab.py", "course_lib/stage/*"],
    "anywidget*": ["course_lib/widgets/*"],
}

TOP_LEVEL = {
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "LICENSE-prose"),
    *("Makefile", "pyproject.toml", "requirements.lock"),
    *("environment.yml", "postBuild", "docker-compose.yml"),
    *("notebooks", "exercises", "solutions", "course_lib", "tests"),
    *(".ci", ".github", ".gitattributes", ".gitignore", ".pre-commit-config.yaml"),
}
NOT_OURS = {".git", ".venv", "uv.lock", "__pycache__", ".ipynb_checkpoints", ".artefacts", ".hypothesis", ".DS_Store"}
CACHES = {".pytest_cache", ".mypy_cache", ".ruff_cache"}


NAMES: set[str] = set()  # of every module, filled below


def part_of(module: str) -> str:
    """course_lib.sim.loop belongs to sim; course_lib itself is ""."""
    return module.split(".")[1] if "." in module else ""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES |= {module_name(path) for path in MODULES}


def imports(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Every module that the source imports, at the top or inside a function, in full: `from .x import y` too.

    So are those that a package's `lazy(__name__, {…})` names, which are imported when somebody asks.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".") if is_package else module.split(".")[:-1]
            prefix = base[: len(base) - node.level + 1] if node.level else []
            origin = ".".join([*prefix, *filter(None, [node.module])])
            named = [f"{origin}.{alias.name}" for alias in node.names]
            yield from (name if name in NAMES else origin for name in named)  # `from course_lib import sim`: a module
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy":
            late = ast.literal_eval(node.args[1])
            yield from (name if name.startswith("course_lib.") else f"{module}.{name}" for name in late)


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """Every module that a module of the course imports."""
    source = path.read_text(encoding="utf-8")
    return frozenset(imports(source, module_name(path), is_package=path.name == "__init__.py"))


def wrong_arrows(source: str, module: str, *, is_package: bool = False) -> list[str]:
    return wrong_uses(module, imports(source, module, is_package=is_package))


def wrong_uses(module: str, found: Iterable[str]) -> list[str]:
    """Which of these imports of a module follow no arrow."""
    used = {name for name in found if name.split(".")[0] == "course_lib"}
    own = part_of(module)
    assert own in ARROWS, f"{module} is no part of the house: give it a line in ARROWS"
    allowed = {"", own, *ARROWS[own]}  # the root holds a docstring, so importing it is no arrow
    wrong = {name for name in used if part_of(name) not in allowed}
    if own != "lessons":
        return sorted(wrong | {name for name in used - LOOKS_UP.get(module, set()) if part_of(name) == "lessons"})
    return sorted(wrong | {name for name in used if not within_the_lesson(module, name)})


def within_the_lesson(module: str, used: str) -> bool:
    """Of the lessons, a module may import its own lesson's, and there only layers below it."""
    (_, _, lesson, layer, *_), (_, part, *inside) = (*module.split("."), "", ""), (*used.split("."), "", "", "")
    if part != "lessons" or not lesson or not layer:
        return True  # a kit; or the map of a lesson, which names everything in it
    return inside[0] == lesson and inside[1].split("_")[0] in {*LAYERS[layer.split("_")[0]], ""}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_every_import_follows_an_arrow(path: Path) -> None:
    assert wrong_uses(module_name(path), imported(path)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import course_lib.sim.loop",
        "from course_lib import sim",
        "from ..sim import loop",
        "def late():\n    from course_lib.sim.loop import Loop",
    ],
)
def test_a_wrong_arrow_is_seen(source: str) -> None:
    """The control: a pattern that knows the simulation, written in each way that Python offers."""
    assert wrong_arrows(source, "course_lib.patterns.stampede")
    assert not wrong_arrows("from course_lib.errors import LoadTimeout", "course_lib.patterns.stampede")


@pytest.mark.parametrize(
    ("module", "wrong", "right"),
    [
        ("experiment_burst", "lessons.stampedes.picture_crowd", "lessons.stampedes.experiment_crowd"),
        ("picture_crowd", "lessons.stampedes.lab", "views.axes"),
        ("exercises.e1_locks", "lessons.stampedes.lab", "lessons.stampedes.programs"),
        ("lab", "lessons.keys.experiment_rollout", "lessons.stampedes.picture_crowd"),
    ],
)
def test_a_wrong_layer_is_seen(module: str, wrong: str, right: str) -> None:
    """The control: a lesson that looks up within itself, or at another lesson."""
    assert wrong_arrows(f"import course_lib.{wrong}", f"course_lib.lessons.stampedes.{module}")
    assert not wrong_arrows(f"import course_lib.{right}", f"course_lib.lessons.stampedes.{module}")


def test_a_late_import_is_seen() -> None:
    """The control: what `lazy` names is imported too, only later."""
    assert wrong_arrows('lazy(__name__, {"course_lib.sim": "Draws"})', "course_lib.servers", is_package=True)
    assert wrong_arrows("import course_lib.lessons.keys.lab", "course_lib.grading.exercise")


def test_no_arrow_is_unused() -> None:
    """Else the table says less than it could."""
    used: dict[str, set[str]] = {part: set() for part in ARROWS}
    for path in MODULES:
        found = {part_of(name) for name in imported(path) if name.split(".")[0] == "course_lib"}
        used[part_of(module_name(path))] |= found
    assert {part: sorted(ARROWS[part] - used[part]) for part in ARROWS} == {part: [] for part in ARROWS}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The modules that import each other, however many steps it takes: one sorted list for each such group."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        ahead = [start]
        while ahead:
            new = graph.get(ahead.pop(), set()) - found
            found |= new
            ahead += new
        return found

    beyond = {module: reached(module) for module in graph}
    groups = {tuple(sorted(m for m in beyond[one] if one in beyond.get(m, ()))) for one in graph if one in beyond[one]}
    return sorted(map(list, groups))


def test_no_modules_import_each_other() -> None:
    """Not even inside a function, under TYPE_CHECKING or late: a reader can begin at the bottom, and read each once."""
    assert circles({module_name(path): set(imported(path)) for path in MODULES}) == []


def test_a_circle_is_seen() -> None:
    """The control: a circle of three, through a function and TYPE_CHECKING; and a package that is imported back."""
    late = "def later():\n    import course_lib.sim.draws"
    typed = "if TYPE_CHECKING:\n    from course_lib.sim.loop import SimLoop"
    sources = {"sim.loop": "from course_lib.sim.process import Process", "sim.process": late, "sim.draws": typed}
    sources |= {"views": "from course_lib.views.axes import axes", "views.axes": "import course_lib.views"}
    sources |= {"sim": "from course_lib.sim.loop import SimLoop"}  # a package that nobody imports back
    graph = {f"course_lib.{name}": set(imports(source, f"course_lib.{name}")) for name, source in sources.items()}
    assert circles(graph) == [
        ["course_lib.sim.draws", "course_lib.sim.loop", "course_lib.sim.process"],
        ["course_lib.views", "course_lib.views.axes"],
    ]


def test_patterns_need_only_redis_and_the_standard_library() -> None:
    for path in (COURSE / "patterns").glob("*.py"):
        foreign = {name.partition(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
        assert foreign <= {"redis", "course_lib"}, path


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_what_only_one_place_may_know_stays_there(path: Path) -> None:
    used = imported(path)
    where = path.relative_to(ROOT).as_posix()
    for package, places in ONLY.items():
        if not any(fnmatch.fnmatch(where, place) for place in places):
            assert fnmatch.filter(used, package) == [], f"{where} must not know {package}"


SMALL = {"", "errors", "trace", "lazy", "words", "notebook"}  # what anybody may import is left out of the picture


def pictured(page: str) -> set[tuple[str, str]]:
    """The arrows of the picture of the house."""
    picture = page.split("```mermaid")[1].split("```")[0]
    return {(origin, target) for origin, target in re.findall(r"(\w+) --> (\w+)", picture)}


def test_the_picture_of_the_house_is_true() -> None:
    """What contributors look at first has every arrow of the table, and no other."""
    table = {(part, other) for part, others in ARROWS.items() for other in others - SMALL}
    assert pictured((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")) == table


def test_a_wrong_picture_is_seen() -> None:
    """The control."""
    assert pictured("```mermaid\nflowchart TD\n    sim --> views\n```") == {("sim", "views")}


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "README.md", "solutions/README.md"])
def test_paths_that_a_page_names_are_there(page: str) -> None:
    named = set(
        re.findall(r"`((?:course_lib|tests|notebooks|solutions|exercises)/[\w./]+)`", (ROOT / page).read_text())
    )
    assert {name for name in named if not (ROOT / name).exists()} == set()


# -- sizes and docstrings ---------------------------------------------------------------------------------------------


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@functools.cache
def code_lines(path: Path) -> int:
    """Lines that hold code: what explains it (docstrings, comments, blank lines) does not make a module too big."""
    source = path.read_text(encoding="utf-8")
    silent = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type not in silent]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | Definition) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_no_module_is_two_ideas(path: Path) -> None:
    assert code_lines(path) <= 200


LARGEST = {"cache_aside": 1_755, "topologies": 2_285, "locks": 2_595, "atomicity": 1_875, "keys": 1_900,
           "stampedes": 1_960, "invalidation": 2_120, "beyond_caching": 2_150, "capstone": 2_725}  # fmt: skip
"""The lessons that are larger, each raised only with a reason. About half of each is its exercises, in which every
sentence of a contract has a judge. Besides, 01 keeps seven experiments on real servers, a voting Sentinel and the
decision table; 04 breaks six locks by hand, in a lab, and on five real servers; 08 has a whole service."""


def test_the_course_stays_small() -> None:
    """Bounds to be raised by a decision, not by drift; a reader who wants less reads the patterns, in an evening.

    The patterns count without imports; with docstrings, examples and the heads of scripts they are twice as long.
    """
    parts: dict[str, int] = {}
    for path in MODULES:
        folders = path.relative_to(COURSE).parts[:-1]
        part = "/".join(folders[:2] if folders[:1] == ("lessons",) else folders[:1])
        if path.name in (
            "picture_head.py",
            "picture_before_after.py",
        ):  # what a closed notebook shows: counted apart, so that each lesson has one
            assert code_lines(path) <= 50
            continue
        parts[part] = parts.get(part, 0) + code_lines(path)
    assert parts.pop("website") < 700  # it writes pages: no notebook knows it
    assert parts.pop("stage") < 1_000  # what an instructor has besides the decks: no lesson knows it
    assert parts.pop("lite") < 1_000  # nor this, most of which stands in a browser for what cannot be had there
    lessons = {part.removeprefix("lessons/"): n for part, n in parts.items() if part.startswith("lessons/")}
    assert {name: n for name, n in lessons.items() if n > LARGEST.get(name, 1_700)} == {}
    # Of the kits' lines, 4,500 grade a class: folders and reports, what isolates answers, and the wire. 2,900 are real
    # topologies and their panel, 2,200 Redis 7 in fakeredis. 1,600 open a moment of a run: they play it again, read it
    # and show it. 1,400 are the patterns. 700 are theatre and decks, 600 liveness (states, their graph, the lasso),
    # 600 progress and worked solutions, 400 a search's own proof (with calls never awaited), 200 its delays, 60
    # commands that a pipeline never sends. Of the wire, 60 lines only make it quicker; and 50 of grading say in a
    # sentence what hostile answers and mistyped commands come to.
    assert sum(parts.values()) - sum(lessons.values()) < 26_200
    patterns = list((COURSE / "patterns").glob("*.py"))
    assert sum(map(code_lines, patterns)) - sum(map(import_lines, patterns)) < 1_250


LONGEST_RUN = 12


def repeated(sources: dict[str, str], longest: int = LONGEST_RUN) -> list[str]:
    """Where a run of more than so many lines begins that stands somewhere else too; comments, blanks, imports apart."""
    first: dict[tuple[str, ...], tuple[str, int]] = {}
    found = []
    for name, source in sources.items():
        lines = [(number, line.strip()) for number, line in enumerate(source.splitlines(), 1)]
        lines = [(n, line) for n, line in lines if line and not line.startswith(("#", "import ", "from "))]
        for at in range(len(lines) - longest):
            run = tuple(line for _, line in lines[at : at + longest + 1])
            there, place = first.setdefault(run, (name, at))
            if there != name or place + longest < at:
                found.append(f"{name}:{lines[at][0]} stands in {there} too")
    return found


def test_nothing_stands_twice() -> None:
    sources = {module_name(path): path.read_text(encoding="utf-8") for path in MODULES}
    assert repeated(sources) == []


def test_what_stands_twice_is_seen() -> None:
    """The control."""
    lines = "\n".join(f"    call({number})" for number in range(13))
    assert repeated({"a": f"def one():\n{lines}", "b": f"def other():\n    # more\n{lines}"}) == ["b:3 stands in a too"]
    assert repeated({"a": lines, "b": lines.replace("call(6)", "other(6)")}) == []


def import_lines(path: Path) -> int:
    """Lines that import at the top of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in imported)


def test_the_map_of_the_simulation_is_in_reading_order() -> None:
    """As it says: a module imports only those that are listed before it."""
    said = ast.get_docstring(ast.parse((COURSE / "sim/__init__.py").read_text())) or ""
    listed = re.findall(r"^- `(\w+)`", said, re.MULTILINE)
    for place, name in enumerate(listed):
        used = {
            module.split(".")[2]
            for module in imported(COURSE / f"sim/{name}.py")
            if module.startswith("course_lib.sim.")
        }
        assert used <= set(listed[:place]), name


def contracts_missing(source: str) -> list[str]:
    """Public functions and classes without a docstring; and patterns (what awaits a `redis`) that lack a part of it.

    `Cost:` applies to every pattern, `Units:` to one with a float among its parameters, which is a time or a share, and
    `Source:` to a module with a pattern that is a function: one of its docstrings says where it comes from.
    """
    tree, missing = ast.parse(source), []
    public = [n for n in tree.body if isinstance(n, Definition) and not n.name.startswith("_")]
    able = [n for n in public if not isinstance(n, ast.FunctionDef)]
    patterns = [definition for definition in able if "redis" in parameters(definition)]
    for definition in public:
        docstring = ast.get_docstring(definition) or ""
        needed = [] if docstring else ["docstring"]
        if definition in patterns:
            floats = re.search(r"\bfloat\b", " ".join(parameters(definition).values()))
            needed += [part for part in ("Cost", *["Units"] * bool(floats)) if f"{part}:" not in docstring]
        missing += [f"{definition.name}: {part}" for part in needed]
    sourced = "Source:" in source or all(isinstance(pattern, ast.ClassDef) for pattern in patterns)
    return missing if sourced else [*missing, "module: Source"]


def parameters(definition: Definition) -> dict[str, str]:
    """The parameters of a function, or of a class's __init__, with their annotations."""
    makers = [definition] if not isinstance(definition, ast.ClassDef) else definition.body
    makers = [n for n in makers if not isinstance(definition, ast.ClassDef) or getattr(n, "name", "") == "__init__"]
    found = [argument for maker in makers for argument in ast.walk(maker) if isinstance(argument, ast.arg)]
    return {argument.arg: ast.unparse(argument.annotation) if argument.annotation else "" for argument in found}


@pytest.mark.parametrize("path", sorted((COURSE / "patterns").glob("*.py")), ids=module_name)
def test_every_pattern_states_its_contract(path: Path) -> None:
    assert contracts_missing(path.read_text(encoding="utf-8")) == []


def test_a_missing_contract_is_seen() -> None:
    """The control."""
    bare = """
async def get(redis: Redis, ttl: float | None): pass
class Lock:
    "Holds."
    def __init__(self, redis): pass
def plain(seconds: float): "No pattern, so a sentence is enough."
def _private(redis): pass
"""
    assert contracts_missing(bare) == ["get: docstring", "get: Cost", "get: Units", "Lock: Cost", "module: Source"]


IMITATED = COURSE / "lite/shim"  # packages that have the shape of others': their maps are those others' documentation
FOLDERS = [path.parent for path in MODULES if path.name == "__init__.py" and IMITATED not in path.parents]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_the_map_of_a_folder_names_every_module(folder: Path) -> None:
    """A reader looks for a module, or a folder of them, in the docstring of its package."""
    named = set(re.findall(r"\w+", ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""))
    named |= {*LESSONS.values()} if folder == COURSE / "lessons" else set()
    inside = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/*.py")}
    assert inside - named == {"__init__"}


# -- what lies where, and what no file may say ------------------------------------------------------------------------


def project_files() -> list[Path]:
    """What git holds or would add; in a copy without git, whatever is there."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=False) if (ROOT / ".git").exists() else None
    if listed is not None and listed.returncode == 0:
        found = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not (NOT_OURS | CACHES) & set(path.relative_to(ROOT).parts)]
    return [path for path in found if path.is_file()]


def test_the_top_level_holds_only_what_the_house_names() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in project_files()} <= TOP_LEVEL


FORBIDDEN = re.compile(
    r"""/work/|/tmp/(?!\.)|/home/\w|/root/|/Users/\w"""  # a path of somebody's machine
    r"""|(?<![\w.])(?:pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|test\.pypi\.org)"""  # registries
    r"""|\b(?:shared/|spikes?\b)""",  # a note that is not part of the project
    re.IGNORECASE,
)


def forbidden_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if FORBIDDEN.search(line)]


def test_no_file_names_a_machine_or_a_registry() -> None:
    for path in project_files():
        if path != Path(__file__).resolve() and path.suffix not in {".png", ".svg", ".ico"}:
            assert forbidden_lines(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize("line", ["cd /work/ours", "open('/home/ann/x')", "https://pypi.org/simple", "see spikes/x"])
def test_a_forbidden_line_is_seen(line: str) -> None:
    """The control; addresses of documentation are allowed."""
    assert forbidden_lines(line)
    assert not forbidden_lines("Source: https://redis.io/docs/latest/commands/set/ and http://127.0.0.1:8888")


# -- notebooks --------------------------------------------------------------------------------------------------------


def notebook_imports(path: Path) -> set[str]:
    """What of the course the code cells import."""
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    lines = [line.strip() for cell in cells for line in "".join(cell["source"]).splitlines()]
    found = (re.match(r"(?:from|import) (course_lib[\w.]*)", line) for line in lines)
    return {match[1] for match in found if match}


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/[0-9]*.ipynb")), ids=lambda path: path.name)
def test_a_lesson_imports_its_own_package_and_the_patterns(path: Path) -> None:
    """So a reader sees on one line what is the lesson's, and what it teaches."""
    own = f"course_lib.lessons.{LESSONS[path.name[:2]]}"
    foreign = notebook_imports(path) - {"course_lib.lesson", own}
    assert {name for name in foreign if not name.startswith("course_lib.patterns")} == set()


@pytest.mark.parametrize("path", sorted(ROOT.glob("solutions/*.ipynb")), ids=lambda path: path.name)
def test_exercises_import_checks_and_their_lesson(path: Path) -> None:
    own = f"course_lib.lessons.{LESSONS[path.name[:2]]}"
    assert notebook_imports(path) <= {"course_lib.lesson", "course_lib.grading", own}


def carried_outputs(notebook: dict[str, Any]) -> list[int]:
    """The positions of code cells that carry outputs or an execution count."""
    cells = enumerate(notebook["cells"])
    return [at for at, cell in cells if cell.get("outputs") or cell.get("execution_count") is not None]


def committed(path: Path) -> str:
    """The notebook as git holds it: a learner's outputs on disk are nobody's business. If git has none, the file."""
    name = path.relative_to(ROOT).as_posix()
    held = subprocess.run(["git", "-C", str(ROOT), "show", f":{name}"], capture_output=True, check=False)
    return held.stdout.decode() if held.returncode == 0 else path.read_text(encoding="utf-8")


def test_no_notebook_in_git_carries_outputs() -> None:
    notebooks = [path for path in project_files() if path.suffix == ".ipynb"]
    assert {str(path): carried_outputs(json.loads(committed(path))) for path in notebooks} == {
        str(path): [] for path in notebooks
    }


def test_a_carried_output_is_seen() -> None:
    """The control."""
    clean = {"cell_type": "code", "outputs": [], "execution_count": None}
    cells = [clean, {**clean, "execution_count": 1}, {**clean, "outputs": [{}]}, {"cell_type": "markdown"}]
    assert carried_outputs({"cells": cells}) == [1, 2]
