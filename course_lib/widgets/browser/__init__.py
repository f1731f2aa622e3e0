"""What the widgets need in the browser: small scripts, each in a widget that shows nothing itself.

- `labels`   names for controls that a screen reader would not name
- `keys`     keys for a whole panel
- `follow`   keeps the current line of a text trace in view, and hears a click on a line or a message
- `clicks`   hears a click on a part of a picture
"""
