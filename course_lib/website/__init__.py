"""The course as a site to read: `make site`. No notebook and no kit knows this part.

| Module | What it does |
|---|---|
| `__main__` | the steps, one after the other |
| `tools` | an environment of its own for Sphinx, and the scripts of others that pages load, each pinned by its hash |
| `executed` | runs every lesson once, and keeps what came out until the lesson or the library changes |
| `recorded` | in the lesson's kernel: a question is followed by what happened, as nobody is there to answer |
| `staged` | notebooks and pages as Sphinx wants them: what is folded, where a link leads, which widgets stay alive |
| `conf` | Sphinx's own configuration; it runs in the other environment |
| `live` | which pages lead to the same notebook in the edition for a browser alone, if that is built |
| `links` | looks at the finished pages: each link leads somewhere, and nothing is loaded from elsewhere |
"""
