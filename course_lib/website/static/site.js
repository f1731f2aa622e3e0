// A table that is wider than its place scrolls there, also by keys; so does a picture that is.
for (const wide of document.querySelectorAll(".cell_output .output, .pst-scrollable-table-container, div.highlight pre")) {
  if (wide.scrollWidth > wide.clientWidth + 1) wide.tabIndex = 0;
}

// A name that hides the words which are seen: who speaks to the page says those. (The theme's search, myst-nb's folds.)
for (const named of document.querySelectorAll("summary[aria-label]")) named.removeAttribute("aria-label");
// On a phone the search has a picture alone, so its words are its name.
for (const named of document.querySelectorAll(".search-button-field")) {
  named.setAttribute("aria-label", named.textContent.replace(/\s+/g, " ").trim());
}

// The same notebook alive, where its edition lies beside these pages and a server serves both: no browser runs it from a folder.
if (location.protocol.startsWith("http") && LIVE.includes(DOCUMENTATION_OPTIONS.pagename)) {
  const line = document.createElement("p");
  const link = line.appendChild(document.createElement("a"));
  link.href = `${document.documentElement.dataset.content_root}lite/lab/index.html?path=${DOCUMENTATION_OPTIONS.pagename}.ipynb`;
  link.textContent = "Open it alive";
  line.append(": the same notebook, with a Python in your browser. The first visit loads about 30 MB.");
  document.querySelector("article h1").after(line);
}
