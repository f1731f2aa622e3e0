"""IPython's settings in a browser: what the kernel does first."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # IPython brings it
c.InteractiveShellApp.extensions = ["course_lib.lite.kernel"]
c.HistoryManager.enabled = False
