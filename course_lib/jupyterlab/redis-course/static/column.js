// An extension of JupyterLab that only brings a style sheet: text is a column from the moment a page is opened, and not
// only once the first cell of a lesson has run. It is what a bundler would make of such a module, so none is needed.
(window._JUPYTERLAB ??= {})["redis-course"] = ((place) => ({
  init() {},
  get: async () => () => ({
    __esModule: true,
    default: {
      id: "redis-course:column",
      autoStart: true,
      activate() {
        const sheet = document.createElement("link");
        Object.assign(sheet, { rel: "stylesheet", href: new URL("column.css", place) });
        document.head.append(sheet);
      },
    },
  }),
}))(document.currentScript.src);
