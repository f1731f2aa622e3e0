"""Controls around views, for JupyterLab. Nothing here knows a lesson.

predict and prediction_words, spacetime, scheduler and scheduler_words, explore, topology_panel and topology_layout are
what a lesson shows; lab and controls are what a lesson's lab is made of. browser (a package) and fallback are what all
of these are made of.
"""
