"""The edition in a browser alone, as far as Node.js can run it: the same Python, the same packages, the same Lua."""
