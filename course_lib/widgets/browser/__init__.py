"""What the widgets need in the browser: names for controls, keys of a panel, clicks, a line kept in view."""
