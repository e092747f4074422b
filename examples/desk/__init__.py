"""
The demo behind `make run`: a small agent at an order desk works, is trained on its own traces, and works better.

`python -m desk` runs all of it. The agent is real (SmolLM2-135M-Instruct), so are the database and the training; its
coach is scripted. Nothing in atlas-core knows this package.
"""
