"""The course in a browser alone: `make lite`. JupyterLite, with a Python in WebAssembly and a real Lua beside it.

| Module | What it does |
|---|---|
| `__main__` | the steps, one after the other |
| `packages` | what the browser's Python imports: the packages of `.venv` without what no lesson needs, for Pyodide |
| `contents` | the notebooks and pages that lie open there |
| `byte_code` | what these packages and the standard library import, compiled by the browser's Python: `compile.mjs` |
| `kernel` | in the browser: what a kernel does at its start |
| `shim/` | in the browser: `lupa` over Lua 5.1 in WebAssembly, charts without matplotlib, no index of packages |
"""
