// Import modules in the browser's Python and write the byte code of all that this brings in:
// node compile.mjs PYODIDE PACKAGES CODE, with the names of the modules and Python's environment in JSON on standard input.
import { readFileSync } from "node:fs";
const [pyodide, packages, code] = process.argv.slice(2);
const { modules, at, env } = JSON.parse(readFileSync(0));
const { loadPyodide } = await import(`${pyodide}/pyodide.mjs`);
const python = await loadPyodide({ indexURL: `${pyodide}/`, env });
python.FS.mkdirTree(at);
python.FS.mount(python.FS.filesystems.NODEFS, { root: packages }, at);
python.FS.mkdirTree("/code");
python.FS.mount(python.FS.filesystems.NODEFS, { root: code }, "/code");
python.globals.set("names", python.toPy(modules));
try {
  python.runPython(`
import contextlib, importlib, importlib.util, marshal, pathlib, sys
streams = sys.stdout, sys.stderr
importlib.invalidate_caches()
for name in names:
    with contextlib.suppress(ImportError):  # of another operating system
        importlib.import_module(name)
    sys.stdout, sys.stderr = streams  # those of a kernel have nobody to tell
for name, module in list(sys.modules.items()):
    source = getattr(module, "__file__", None) or ""
    loader = module.__spec__.loader if source.startswith("/lib/") and source.endswith(".py") else None
    if not hasattr(loader, "get_data"):
        continue  # a part of Python itself
    digest = importlib.util.source_hash(loader.get_data(source))
    place = pathlib.Path(f"/code{source}")
    place.parent.mkdir(parents=True, exist_ok=True)
    # 1: known by a hash of the source, and not to be checked. A browser's copy of the source has another time.
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + digest
    place.write_bytes(head + marshal.dumps(loader.get_code(module.__spec__.name)))
`);
} catch (error) {
  console.error(error.message); // without the line of code that threw it, which is all of Pyodide
  process.exit(1);
}
process.exit(0);
