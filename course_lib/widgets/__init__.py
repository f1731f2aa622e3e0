"""Controls around scenarios and views, for JupyterLab."""
