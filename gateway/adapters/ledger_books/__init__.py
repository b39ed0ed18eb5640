"""The ledger read back for people, in processes of their own: the door never waits.

`processes` is the gateway's end. `reader` (questions and answers) and `errand` (exports
and verification) are programs that it starts; `index` and `pages` are the reader's.
"""
