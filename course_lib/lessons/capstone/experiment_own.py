"""Your own passed answers as parts of the service: found in the exercises' notebooks, and run alone.

An answer is taken if the progress file says that its exercise is passed. Its cell runs in a namespace of its own, and
no other cell does: of those only the `import` statements are carried out, but for the course's, and texts and numbers
that stand under a name are read.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.errors import CourseError
from course_lib.grading.batch.notebook_file import Notebook, notebook
from course_lib.grading.progress_page import noted_as_passed
from course_lib.lessons.capstone.experiment_parts import until_answered
from course_lib.lessons.capstone.experiment_service import App, Load, Save
from course_lib.sim import in_process


class NotUsable(CourseError):
    """An answer that cannot be a part of the service. The text says why."""


class Own(NamedTuple):
    """How an answer becomes parts: its name in the cell, and for each kind of part what makes it of the answer."""

    name: str
    parts: dict[str, Callable[[Callable[[], Any]], Any]]


def own(*exercises: str, folder: Path | None = None, passed: Callable[[str], bool] = noted_as_passed) -> dict[str, Any]:
    """Parts, by kind, of your answers to these exercises: `Storm(**GOOD | own("05.3", "03.3"))`.

    Says in a sentence which answers were taken; one that is not passed, not there or does not run is left out.
    """
    parts: dict[str, Any] = {}
    for exercise in exercises:
        try:
            answer = answer_of(exercise, folder, passed)
        except NotUsable as reason:
            print(reason)
            continue
        made = {kind: make(in_process(answer)) for kind, make in OWN[exercise].parts.items()}
        print(f"{exercise}: your {OWN[exercise].name} is the part {' and the part '.join(made)}.")
        parts |= made
    return parts


def answer_of(exercise: str, folder: Path | None, passed: Callable[[str], bool]) -> Any:
    """What the answer's cell defines. Raises: NotUsable."""
    if exercise not in OWN:
        raise NotUsable(f"{exercise}: no part of the service can be made of it. There are {', '.join(OWN)}.")
    stands_in = "The course's part stands in for it."
    if not passed(exercise):
        raise NotUsable(f"{exercise}: your progress file does not say that you have passed it. {stands_in}")
    path = next(iter((folder or _exercises()).glob(f"{exercise[:2]}_*.ipynb")), None)
    if path is None:
        raise NotUsable(f"{exercise}: there is no notebook exercises/{exercise[:2]}_….ipynb. {stands_in}")
    try:
        names = _run(notebook(path.read_bytes()), exercise.replace(".", "-"))
    except Exception as error:  # it is anybody's code
        raise NotUsable(f"{exercise}: its cell does not run ({type(error).__name__}: {error}). {stands_in}") from error
    if OWN[exercise].name not in names:
        raise NotUsable(f"{exercise}: its cell does not define {OWN[exercise].name}. {stands_in}")
    return names[OWN[exercise].name]


def _exercises() -> Path:
    here = Path.cwd()
    return next((one / "exercises" for one in (here, *here.parents) if (one / "exercises").is_dir()), here)


def _run(found: Notebook, grade_id: str) -> dict[str, Any]:
    """The names that the answer's cell defines, with what it needs of the others."""
    cells = [cell for cell in found.cells if cell.is_code]
    answers = [cell for cell in cells if cell.grade_id == grade_id]
    if not answers:
        raise ValueError("it is not there")
    names: dict[str, Any] = {}
    for cell in cells:
        if cell is not answers[-1]:
            _take(cell.source, names)
    exec(compile(answers[-1].source, f"<{grade_id}>", "exec"), names)
    return names


def _take(source: str, names: dict[str, Any]) -> None:
    for step in _steps(source):
        if isinstance(step, ast.Import | ast.ImportFrom) and "course_lib" not in ast.unparse(step):
            exec(compile(ast.Module([step], []), "<imports>", "exec"), names)
        elif isinstance(step, ast.Assign) and isinstance(step.value, ast.Constant):
            names |= {name.id: step.value.value for name in step.targets if isinstance(name, ast.Name)}


def _steps(source: str) -> Iterator[ast.stmt]:
    try:
        yield from ast.parse(source).body
    except SyntaxError:
        return


# -- from an answer to a part ------------------------------------------------------------------------------------------


def _limits(mine: Callable[[], Any]) -> Any:
    async def limiter(app: App, visitor: str, request: str) -> bool:
        policy = app.policy
        told = await mine()(app.redis, visitor, limit=policy.limit, window=policy.window, request=request)
        return bool(told[0])

    return limiter


def _locks(mine: Callable[[], Any]) -> Any:
    async def read(app: App, key: str, load: Load) -> Any:
        return await mine()(
            app.redis, key, load, ttl=app.policy.ttl, lock_ttl=app.policy.lock_ttl, token=app.token()
        )  # fmt: skip

    return read


def _refreshes(mine: Callable[[], Any]) -> Any:
    async def read(app: App, key: str, load: Load) -> Any:
        async def text() -> str:
            return await load() or ""  # 05.2 knows no absent rows

        return await mine()(app.redis, key, text, ttl=app.policy.ttl, beta=1.0, draw=app.draw) or None

    return read


ABSENT = "-"


def _leases(mine: Callable[[], Any]) -> Callable[[App], Any]:
    return lambda app: mine()(app.redis, ttl=app.policy.ttl, lease_ttl=app.policy.lock_ttl, new_token=app.token)


def _reads_leased(mine: Callable[[], Any]) -> Any:
    async def read(app: App, key: str, load: Load) -> Any:
        cache = _leases(mine)(app)
        while True:
            page, lease = await cache.get(key)
            if page is None and lease is not None:
                page = await load() or ABSENT
                await cache.put(key, page, lease)
            if page is not None:
                return None if page == ABSENT else page
            await asyncio.sleep(0.02)

    return read


def _deletes_leased(mine: Callable[[], Any]) -> Any:
    async def change(app: App, keys: list[str], save: Save) -> None:
        await save()
        for key in keys:
            await until_answered(app, lambda key=key: _leases(mine)(app).delete(key))  # type: ignore[misc]

    return change


OWN = {
    "03.3": Own("hit", {"limiter": _limits}),
    "05.1": Own("load_once", {"read": _locks}),
    "05.2": Own("refresh_early", {"read": _refreshes}),
    "05.3": Own("lock_and_wait", {"read": _locks}),
    "06.3": Own("Leases", {"read": _reads_leased, "change": _deletes_leased}),
}
"""The exercises whose answers can be parts. 06.3 brings two, which belong together."""
