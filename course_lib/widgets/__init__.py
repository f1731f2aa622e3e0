"""Controls around scenarios and views, for JupyterLab.

predict and verdicts, spacetime, lab, scheduler and turnwords, explored, topology_panel and topology_face are what a
lesson shows; rollout_lab, limiter_lab, redlock_lab and stampede_lab set up the lab for theirs, from controls. names,
pressed, picking, follow, fallback and aside are what these are made of.
"""
