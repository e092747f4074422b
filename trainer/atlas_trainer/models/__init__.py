"""
Models that take part in training, as arguments of the libraries that load them.

    policy    the model that is trained: dtype, revision, LoRA, quantisation, and what keeps their gradients right

Knows no other room, and no algorithm.

To add a model that is not trained (a teacher, say): a file beside `policy`.
"""
