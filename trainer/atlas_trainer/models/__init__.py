"""
Models that take part in training: checked against the manifest, loaded whole, adapted.

    checks          the manifest against its model, before sessions are read
    configuration   config.json: architecture, positions, quantisation, control tokens
    weights         files with weights, and the tensors that their headers tell of
    completeness    saved weights against the architecture: nothing missing, nothing too much
    tokens          the tokenizer against the embedding
    adapters        LoRA: new adapters, saved ones that training goes on from
    policy          the model that is trained, loaded: precision, quantisation, what keeps its gradients right

Where a model is, `dataset.model_source` finds. Knows no algorithm.

To add a model that is not trained (a teacher, say): a file beside `policy`. A mistake that a manifest or a saved model
can have: a function that `checks` calls.
"""
