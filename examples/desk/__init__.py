"""
The demo behind `make run`: a small agent at an order desk works, is trained on its own traces, and works better.

    tasks prompt                    what customers write, and what the agent is asked then
    agent model coach shift         who answers, who reads along, and a shift at the desk
    recording/   sessions as arc-atlas writes them, in a real Postgres
    training     `atlas-core run` as a user starts it
    process      what loads a model runs in a process of its own
    summary stopwatch   how the agents did, and how long it took
    judges rewards      scripted judges (a fake), and the rewards alone: `python -m desk.rewards`

To add a task: `tasks`, with what `coach` must say of it.
"""
