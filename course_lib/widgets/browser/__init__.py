"""What the widgets need in the browser: small scripts, each in a widget that shows nothing itself.

- `labels`   names for controls that a screen reader would not name, and `keep`
- `keep`     keeps plain keys that are pressed in a widget from JupyterLab
- `keys`     keys for a whole panel, its focus, and a line that says whether they work
- `follow`   keeps the current line of a text trace in view, and hears a click on a line or a message
- `panes`    three panes that show a moment: fills them, marks lines of code, hears what is pressed
- `room`     how wide the place of a picture is
- `clicks`   hears a click on a part of a picture
- `slide`    which cell is the active one, as it is of a slide
- `clock`    how long ago something began
"""
