"""The screens of the console, one file each.

How to add one:

1. `tui/view_models/NAME.py`: pure functions from the API's models to text and rows.
   Time and zone are arguments, and text of others passes through `printable`.
2. `tui/screens/NAME.py`: a subclass of `base.KeyraScreen`. Write `body()` (what it is
   laid out of; class "panel" draws a border), `show(model)` (what the event stream
   told), `reload()` (begin to read anything else) and, where single events matter,
   `happened(event)`. Keys are small letters, in BINDINGS; name the actions that change
   something in WRITING. FILTERS with `filtered(text)` gives `/`, COPIES with `copied()`
   gives `y`. Never ask the gateway in a handler: `self.work(job)` runs a coroutine that
   returns a message (your own, `messages.Done`, or None) or raises the client's errors,
   which are shown as one sentence; `group="read"` for reading. When data is there, call
   `self.saw()`, so that a lost connection can say how old it is. Before anything is
   lost, in a job: `await self.ask(sentence, verb)`.
3. One line in `tui/places.py`: key, name, what it is for.
4. `tests/tui/test_tui_NAME.py`: tests that post messages, tests over a real socket
   (`opened`), and one line for what it shows: `await snap("NAME", keys=("5",))`,
   kept by `pytest tests/tui --update-screens`. One line in `test_tui_pictures.py` has
   its picture taken from the running demonstration; docs/screens says how.
"""
