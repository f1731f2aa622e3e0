// Where a live widget's script lies: in this script's own folder, however deep the page is, also without a server.
requirejs.config({ paths: { anywidget: document.currentScript.src.replace(/widgets\.js.*$/, "anywidget") } });
