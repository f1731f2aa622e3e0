// Run a module of the tests in the Python that `make lite` has built: node machine.mjs FOLDER ROOT MODULE
const [folder, root, module] = process.argv.slice(2);
const { loadPyodide } = await import(`${folder}/static/pyodide/pyodide.mjs`);
const { readFileSync } = await import("node:fs");
const given = JSON.parse(readFileSync(`${folder}/jupyter-lite.json`))["jupyter-config-data"].litePluginSettings;
const options = given["@jupyterlite/pyodide-kernel-extension:kernel"].loadPyodideOptions;
const log = console.error;
const python = await loadPyodide({ ...options, indexURL: `${folder}/static/pyodide/`, stdout: console.log, stderr: log });
const { FS } = python;
FS.mkdirTree("/repository/tests");
FS.mount(FS.filesystems.NODEFS, { root: `${root}/tests` }, "/repository/tests");
for (const part of ["notebooks", "exercises", "solutions", "course_lib"]) {
  FS.mkdirTree(`/repository/${part}`);
  FS.mount(FS.filesystems.NODEFS, { root: `${root}/${part}` }, `/repository/${part}`);
}
// Its own course_lib, from the wheel, stands before the one that is mounted for its texts.
python.runPython(`import runpy, sys; sys.path.append("/repository/tests"); runpy.run_module("${module}", run_name="__main__")`);
process.exit(0);
