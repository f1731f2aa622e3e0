"""Notebooks and pages as Sphinx wants them: the same files in the same folders, so that relative links hold."""

from __future__ import annotations

import base64
import copy
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from course_lib.bootstrap import ROOT
from course_lib.notebook import AFTER
from course_lib.website.executed import executed
from course_lib.website.recorded import HAPPENED

PAGES = Path(__file__).parent / "pages"
VIEW, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
DEAF = re.compile(r"(Button|Buttons|Slider|Play|Text|Dropdown|Checkbox|Output|Progress|SelectMultiple|Select)Model")
"""Controls whose answer comes from Python. A view with one of them is dead without a kernel."""
LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))|(?<=href=\")([^\"]+)(?=\")")
ANCHOR = re.compile(r"<a id=\"([^\"]+)\"></a>")
IMAGE = re.compile(r"<img alt=\"[^\"]*\" style=\"[^\"]*\" src=\"data:image/svg\+xml;base64,([\w+/=]+)\">")


def stage(folder: Path) -> None:
    """Write the sources of all pages into `folder`, which is emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(PAGES, folder)
    shutil.copytree(ROOT / "notebooks" / "images", folder / "notebooks" / "images")
    lessons = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    for path in lessons:
        _write(folder, path, read_on_a_page(executed(path)))
    exercises = sorted((ROOT / "exercises").glob("[0-9]*.ipynb"))
    for path in exercises:
        _write(folder, path, read_on_a_page(nbformat.read(path, as_version=4)))  # type: ignore[no-untyped-call]
    listed = {"notebooks/README.md": lessons, "solutions/README.md": [ROOT / "solutions/WHAT_THE_GRADER_PROTECTS.md"]}
    listed |= {
        "course_lib/patterns/README.md": [],
        "notebooks/GLOSSARY.md": [],
        "solutions/WHAT_THE_GRADER_PROTECTS.md": [],
    }
    for page, below in listed.items():
        text = markdown((ROOT / page).read_text(encoding="utf-8"))
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text + contents(path.stem for path in below), encoding="utf-8")
    _sources(folder)


def contents(names: Any) -> str:
    """What stands below a page in the menu at the side."""
    lines = "\n".join(names)
    return f"\n\n```{{toctree}}\n:hidden:\n\n{lines}\n```\n" if lines else ""


def _write(folder: Path, path: Path, notebook: Any) -> None:
    place = folder / path.relative_to(ROOT)
    place.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, place)  # type: ignore[no-untyped-call]


def _sources(folder: Path) -> None:
    """A page for every module to which one of the pages links."""
    named = {
        (path.parent / link).resolve().relative_to(folder.resolve()).with_suffix(".py")
        for path in [*folder.rglob("*.md"), *folder.rglob("*.ipynb")]
        for link in re.findall(r"\]\(([\w./]+_source\.md)\)", path.read_text(encoding="utf-8"))
    }
    for name in sorted(named):
        module = ROOT / name.parent / name.name.replace("_source.py", ".py")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(module, folder / name.parent)
        page = folder / name.with_suffix(".md")
        path = module.relative_to(ROOT)
        code = f"```{{literalinclude}} {module.name}\n:language: python\n```"
        page.write_text(f"---\norphan: true\n---\n\n# {path.name}\n\n`{path}`, as it is.\n\n{code}\n", encoding="utf-8")


# -- text -------------------------------------------------------------------------------------------------------------


def markdown(text: str) -> str:
    """Links that lead to a place on the site, anchors that Sphinx knows, and no level of headings left out."""
    if not re.search("^## ", text, re.MULTILINE):
        text = re.sub("^##(#+ )", r"#\1", text, flags=re.MULTILINE)
    return ANCHOR.sub(r"(\1)=", LINK.sub(lambda found: link(found[0], raw=found[1] is None), text))


def link(target: str, *, raw: bool = False) -> str:
    """A heading by the name that GitHub gives it; a module by its page. In raw HTML, the page that will be there."""
    if re.match(r"[a-z]+:", target):
        return target
    file, mark, anchor = target.partition("#")
    file = re.sub(r"\.py$", "_source.md", file)
    file = re.sub(r"(.*)Progress\.ipynb$", r"\1../progress.md", file)  # it shows what a learner has passed in a kernel
    if raw:
        file = re.sub(r"\.(ipynb|md)$", ".html", file)
    return file + mark + slug(anchor)


def slug(anchor: str) -> str:
    """JupyterLab's `4.-Cache-aside,-in-five-lines` as `4-cache-aside-in-five-lines`; GitHub's own stays."""
    return re.sub(r"[^\w\-]", "", anchor.lower())


# -- notebooks --------------------------------------------------------------------------------------------------------


def read_on_a_page(notebook: Any) -> Any:
    """The notebook with folds in place of hidden cells, a picture in place of each dead widget, and links that hold."""
    page = copy.deepcopy(notebook)
    states = page.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    page.cells = [part for cell in page.cells for part in _parts(cell, states)]
    alive = {model for cell in page.cells for output in cell.get("outputs", []) for model in _shown(output, states)}
    page.metadata.pop("widgets", None)
    if alive:
        kept = {name: state for name, state in states.items() if name in alive}
        page.metadata["widgets"] = {STATE: {"state": kept, "version_major": 2, "version_minor": 0}}
    return page


def _parts(cell: Any, states: dict[str, Any]) -> Iterator[Any]:
    if cell.cell_type != "code":
        cell.source = markdown(cell.source)
        yield cell
        return
    if "from course_lib.lesson import begin" in cell.source:
        return  # it looks for a real server, for the reader who runs the notebook
    tags = cell.metadata.setdefault("tags", [])
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        tags.append("hide-input")
    cell.outputs = list(still(cell.outputs, states))
    # A cell without any source would be left out, outputs and all.
    marks = [place for place, output in enumerate(cell.outputs) if HAPPENED in html(output)]
    if marks:
        asked, happened = cell.outputs[: marks[0]], cell.outputs[marks[0] + 1 :]
        cell.outputs = asked
        yield cell
        cell = nbformat.v4.new_code_cell("...", outputs=happened, id=f"{cell.id}-happened")  # type: ignore[no-untyped-call]
        cell.metadata["tags"] = tags = ["remove-input"]
    if marks or cell.source.startswith(AFTER):
        tags.append("hide-output")
        cell.metadata["mystnb"] = {"code_prompt_show": "What happened", "code_prompt_hide": "What happened"}
    yield cell


def still(outputs: list[Any], states: dict[str, Any]) -> Iterator[Any]:
    """Outputs that need no kernel: a widget that lives alone without the picture that stands for it, or the picture."""
    lives = False
    for output in outputs:
        view = output.get("data", {}).get(VIEW)
        stands_in = re.search(r"class=\"still-", html(output)) is not None
        if view is not None:
            lives = alone(view["model_id"], states)
        if (view is not None and lives) or (view is None and not (stands_in and lives)):
            if html(output):
                output.data["text/html"] = drawn(html(output))
            yield output


def html(output: Any) -> str:
    """An output's HTML, if it has any."""
    return "".join(output.get("data", {}).get("text/html", ""))


def drawn(page: str) -> str:
    """Each picture once: inline, where it follows the page's theme, and not a second time as an image on white."""
    page = re.sub(r"<p class=\"course-still\">.*?</p>|<p>Run this cell to [^<]*</p>", "", page, flags=re.DOTALL)
    return IMAGE.sub(
        lambda found: base64.b64decode(found[1]).decode().replace("<style>:root{background:#fff}</style>", ""), page
    )


def alone(model: str, states: dict[str, Any]) -> bool:
    """Whether a view needs no Python: it has a script of its own, and no control that asks a kernel."""
    names = [states[part]["model_name"] for part in tree(model, states)]
    return "AnyModel" in names and not any(DEAF.search(name) for name in names)


def tree(model: str, states: dict[str, Any]) -> set[str]:
    """A model and all that it is made of."""
    found: set[str] = set()
    ahead = [model]
    while ahead:
        if (name := ahead.pop()) in states and name not in found:
            found.add(name)
            ahead += re.findall(r"IPY_MODEL_(\w+)", str(states[name]["state"]))
    return found


def _shown(output: Any, states: dict[str, Any]) -> set[str]:
    view = output.get("data", {}).get(VIEW)
    return tree(view["model_id"], states) if view is not None else set()
