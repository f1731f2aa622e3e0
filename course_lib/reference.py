"""Makes patterns/README.md, the reference, from the docstrings: `python -m course_lib.reference`; `--check` compares.

It reads the sources and imports none of them, so the page says what the code says, in the order of the package's map.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PATTERNS = Path(__file__).parent / "patterns"
LABELS = ("Units", "Cost", "Raises", "Does not", "Source")
LABEL = re.compile(rf"(?:^|(?<=\. ))({'|'.join(LABELS)}): ", re.MULTILINE)
EXAMPLE = re.compile(r"^ *>>> .*(?:\n *\S.*)*", re.MULTILINE)
HEAD = """# Patterns: the reference

Made from the docstrings by `make reference`; change those, not this page. What holds for every pattern: times are float
seconds, from 0.001 to 1e9 unless stated otherwise; an argument outside its range raises BadArgument; redis-py's errors
are let through; *round trips* are to one Redis; the client is a `redis.asyncio` one with `decode_responses=True`.
"""
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def page(folder: Path = PATTERNS) -> str:
    """The whole page, as Markdown."""
    modules = [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in in_order(folder)]
    table = ["| Pattern | What it guarantees | Cost | Module |", "|---|---|---|---|"]
    sections = []
    for path, module in modules:
        link = f"[{path.stem}]({path.name})"
        title, about = (ast.get_docstring(module) or "").partition("\n")[::2]
        sections.append(f"## {path.name}\n\n{prose(title)}\n\n{prose(about)}".rstrip())
        for node in public(module):
            said = parts(node)
            kind = next((base.id for base in getattr(node, "bases", []) if isinstance(base, ast.Name)), "NamedTuple")
            if len(said) > 1 or kind not in ("NamedTuple", "Enum"):
                promise = said["is"].partition("\n\n")[0]
                cost = prose(said.get("Cost", "nothing on the wire" if kind == "NamedTuple" else f"as {kind}"), "|")
                table.append(f"| [{node.name}](#{node.name.lower()}) | {prose(promise, '|')} | {cost} | {link} |")
            sections.append(section(node, said))
    return "\n\n".join([HEAD.rstrip(), "\n".join(table), *sections]) + "\n"


def in_order(folder: Path) -> list[Path]:
    """The modules, first those that the package's docstring names, in its order."""
    named = re.findall(r"^- `(\w+)`", ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or "", re.M)
    paths = [path for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
    return sorted(paths, key=lambda path: named.index(path.stem) if path.stem in named else len(named))


def public(node: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """What a module or a class defines for everybody and says something about."""
    for inner in node.body:
        if isinstance(inner, Definition) and not inner.name.startswith("_") and ast.get_docstring(inner):
            yield inner


def parts(node: Definition) -> dict[str, str]:
    """A docstring by its labels; `is` is what comes before them, `example` each block of examples."""
    docstring = ast.get_docstring(node) or ""
    examples = [re.sub(r"^ +(?=>>>|\.\.\.|\S)", "", block, flags=re.M) for block in EXAMPLE.findall(docstring)]
    text, *labeled = LABEL.split(EXAMPLE.sub("", docstring))
    said = {"is": text} | dict(zip(labeled[::2], labeled[1::2], strict=True))
    return {label: told.strip() for label, told in said.items()} | (
        {"example": "\n\n".join(examples)} if examples else {}
    )


def section(node: Definition, said: dict[str, str]) -> str:
    """A pattern's part of the page: how it is called, what it promises, its price, its limits, an example."""
    lines = [f"### {node.name}", f"```python\n{signature(node)}\n```", prose(said["is"])]
    lines += [f"**{label}:** {prose(said[label])}" for label in LABELS if label in said]
    methods = list(public(node)) if isinstance(node, ast.ClassDef) else []
    lines += ["\n".join(f"- `{signature(inner)}`: {prose(parts(inner)['is'])}" for inner in methods)] if methods else []
    lines += [f"```pycon\n{said['example']}\n```"] if "example" in said else []
    return "\n\n".join(filter(None, lines))


def signature(node: Definition) -> str:
    """How it is called, as written in the source, without its annotation of the first `self`."""
    if isinstance(node, ast.ClassDef):
        maker = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
        fields = [ast.unparse(n) for n in node.body if isinstance(n, ast.AnnAssign)]
        return f"class {node.name}({_arguments(maker) if maker else ', '.join(fields)})"
    if any(ast.unparse(decorator) == "property" for decorator in node.decorator_list):
        return f"{node.name}: {ast.unparse(node.returns)}" if node.returns else node.name
    start = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{start} {node.name}({_arguments(node)})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return re.sub(r"^self(, (/, )?)?", "", ast.unparse(node.args))


def prose(text: str, escaped: str = "") -> str:
    """Text of a docstring as Markdown: a line for each paragraph, and nothing outside of `code` is markup."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n(?!-)", text.strip())]
    pieces = "\n\n".join(filter(None, paragraphs)).split("`")
    pieces[::2] = [re.sub(r"([*<>\\\[\]])", r"\\\1", piece) for piece in pieces[::2]]
    return re.sub(r"(?<!\\)\|", r"\\|", "`".join(pieces)) if "|" in escaped else "`".join(pieces)


def main(arguments: list[str] | None = None, folder: Path = PATTERNS) -> int:
    """Write the page, or with --check say whether it differs. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.reference", description="Make patterns/README.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page would change")
    check, target, made = parser.parse_args(arguments).check, folder / "README.md", page(folder)
    drifted = not target.exists() or target.read_text(encoding="utf-8") != made
    if check and drifted:
        print(f"{target.name} of patterns has drifted; run `make reference`", file=sys.stderr)
    elif drifted:
        target.write_text(made, encoding="utf-8", newline="\n")
    return int(check and drifted)


if __name__ == "__main__":
    sys.exit(main())
