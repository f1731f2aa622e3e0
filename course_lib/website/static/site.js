// A table that is wider than its place scrolls there, also by keys; so does a picture that is.
for (const wide of document.querySelectorAll(".cell_output .output, .pst-scrollable-table-container, div.highlight pre")) {
  if (wide.scrollWidth > wide.clientWidth + 1) wide.tabIndex = 0;
}

// A name that hides the words which are seen: who speaks to the page says those. (The theme's search, myst-nb's folds.)
for (const named of document.querySelectorAll(".search-button-field[aria-label], summary[aria-label]")) {
  named.removeAttribute("aria-label");
}
