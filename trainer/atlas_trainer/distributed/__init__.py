"""
Processes that train together, and what surrounds them; never what is trained.

    process_group       rank, size, and what processes agree on
    proof               each process proves that it knows the attempt's secret
    exchange            bytes and JSON on their way between processes, bounded
    object_collectives  torch's own exchanges of objects, with JSON in place of pickle
    interrupt           SIGTERM, Ctrl-C and SIGHUP, at once or after a step
    torch_errors        errors of torch and Python, translated into ours
    environment         variables for libraries, set before they are imported

Knows no other room. torch is loaded only where processes meet.

To add an error of torch with a cure: a sign and a sentence in `torch_errors.translate`.
"""
