"""
Formats: what the lines of files and objects may hold, each made into sessions of the same form.

    reader               lines into sessions: the format of a source, ids, unreadable lines
    record               one line of JSON, decoded within limits
    file_kinds           files that are taken for lines of JSON
    recognise            the format of a record
    fields               what a line of another maker says about its session besides messages

Exports of the SDK (`atlas`):

    export_record        a session from one record
    export_steps         its steps, in the columns of the SDK's tables

Other makers:

    chat                 `messages`: a conversation, in the form of chat APIs
    prompt_completion    `promptCompletion`: a prompt with its answer
    otel_spans           `otel`: calls of models in spans of OpenTelemetry, as OTLP writes them in JSON
    otel_messages        what was asked and said in such a call
    otel_flat            its messages in numbered attributes
    otel_traces          calls that belong together, gathered from many lines

May know sessions and messages; never where lines come from.

To add a format: a word in `Traces.format`, what it is recognised by in `recognise`, a module here, and a line in
`SESSION_OF` of `reader`; its section in docs/reference/traces.md.
"""
