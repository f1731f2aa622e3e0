"""Controls around views, for JupyterLab. Nothing here knows a lesson.

What a lesson shows
- `predict`            a question that holds a run back until it is answered
- `prediction_words`   the answer beside what happened, in a sentence
- `hands`              a show of hands: the room predicts, and the bars stay
- `deck`               large type while a notebook is shown as slides
- `spacetime`          a space-time diagram that one can walk through
- `text_trace`         its moments as a list, a page at a time
- `moment`             what was true at a moment of a run: keys, clients in their code, promises
- `moment_html`       such a moment as HTML
- `theatre`            a run as a moving picture; `theatre.js` and `theatre.css` are what runs in the browser
- `scheduler`          a panel on which you say whose command runs next
- `scheduler_moves`    what a move is, its key, and a list of moves as a room calls them
- `scheduler_look`     how it looks
- `scheduler_words`    how such a game stands, in words
- `explore`            what the explorer found: a bar, a verdict, the failing schedule
- `lab`                controls around an experiment, and its picture
- `class_judge`        a button that has the class's judge look at a notebook
- `topology_panel`     a panel around running servers: look at them, and break them
- `topology_buttons`    the controls of that panel, and where they stand

What these are made of
- `controls`           sliders, choices and buttons that look alike
- `number`             a number, by a slider or typed
- `projector`          the switch for a room: big type, thick lines, fewer words
- `fallback`           what a saved notebook shows in a widget's place
- `progress`           a bar that leaves nothing behind
- `browser`            a folder: what runs in the browser
"""
