"""Chat templates in the styles that models come with, written for the tests, each with a small tokenizer."""

from dataclasses import dataclass

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = (
    "What is three plus four? The answer is seven.",
    "Refund order 12. Check the order state first, then refund it.",
    "You are a helpful assistant. Think, then answer in one line.",
    "<think>\nThree and four make seven.\n</think>\n\nSeven.",
    'USER: question ASSISTANT: answer\n[INST] {"tool": "search"} [/INST]\n',
)


@dataclass(frozen=True)
class Style:
    """One style of chat template."""

    name: str
    template: str
    end: str
    """Token that ends an assistant turn."""

    special: tuple[str, ...]
    """Special tokens, the end among them."""

    eos: str | None = None
    pad: str | None = None
    bos: str | None = None
    metaspace: bool = False
    """Whether words carry their leading space as one character, as in SentencePiece; else bytes, as in GPT-2."""

    system: bool = True
    """Whether the template takes a system message."""

    tools: bool = False
    """Whether the template takes tool messages."""


CHATML = Style(
    "chatml",
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    end="<|im_end|>",
    special=("<|im_start|>", "<|im_end|>", "<|pad|>"),
    eos="<|im_end|>",
    pad="<|pad|>",
)

PAD_IS_EOS = Style("pad is eos", CHATML.template, CHATML.end, CHATML.special, eos="<|im_end|>", pad="<|im_end|>")

WRONG_EOS = Style("eos is another token", CHATML.template, CHATML.end, (*CHATML.special, "<|eot|>"), eos="<|eot|>")

DEFAULT_SYSTEM = Style(
    "default system text",
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    end="<|im_end|>",
    special=("<|im_start|>", "<|im_end|>"),
    eos="<|im_end|>",
)

HEADERS = Style(
    "header ids",
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header|>' + m.role + '<|end_header|>\n\n' }}"
    "{{ m.content | trim }}{{ '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header|>assistant<|end_header|>\n\n' }}{% endif %}",
    end="<|eot_id|>",
    special=("<|begin|>", "<|end_of_text|>", "<|start_header|>", "<|end_header|>", "<|eot_id|>"),
    bos="<|begin|>",
    eos="<|end_of_text|>",
)

_ALTERNATES = (
    "{% for m in rest %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate, the user first') }}{% endif %}"
)

INST_SYS = Style(
    "inst with sys block",
    "{% if messages[0].role == 'system' %}{% set sys = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' %}"
    "{% set rest = messages[1:] %}{% else %}{% set sys = '' %}{% set rest = messages %}{% endif %}"
    + _ALTERNATES
    + "{% if m.role == 'user' %}{{ bos_token + '[INST] ' + (sys if loop.first else '') + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}",
    end="</s>",
    special=("<s>", "</s>"),
    bos="<s>",
    eos="</s>",
    metaspace=True,
)

INST = Style(
    "inst without system",
    "{{ bos_token }}{% set rest = messages %}"
    + _ALTERNATES
    + "{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}",
    end="</s>",
    special=("<s>", "</s>", "[INST]", "[/INST]"),
    bos="<s>",
    eos="</s>",
    metaspace=True,
    system=False,
)

MODEL_ROLE = Style(
    "model role",
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% set rest = messages %}"
    + _ALTERNATES
    + "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' }}"
    "{{ m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
    end="<end_of_turn>",
    special=("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"),
    bos="<bos>",
    eos="<eos>",
    metaspace=True,
    system=False,
)

CLOSING_TEXT_END = Style(
    "end of text behind the last turn",
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
    end="<|end|>",
    special=("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"),
    eos="<|endoftext|>",
    pad="<|endoftext|>",
)

EOS_ENDS_ALL = Style(
    "eos ends every turn",
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
    end="</s>",
    special=("<s>", "</s>"),
    eos="</s>",
    pad="</s>",
)

PLAIN_ROLES = Style(
    "roles in plain text",
    "{% for m in messages %}{% if m.role == 'system' %}{{ m.content + ' ' }}"
    "{% elif m.role == 'user' %}{{ 'USER: ' + m.content + ' ' }}"
    "{% else %}{{ 'ASSISTANT: ' + m.content + '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
    end="</s>",
    special=("<s>", "</s>"),
    eos="</s>",
)

REASONING = Style(
    "reasoning dropped from history",
    "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}"
    "{% endif %}{% endfor %}{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
    "{% if m.role != 'assistant' %}{{ m.content }}"
    "{% elif loop.index0 < ns.last %}{{ m.content.split('</think>')[-1].lstrip('\n') }}"
    "{% elif '</think>' in m.content %}{{ m.content }}"
    "{% else %}{{ '<think>\n\n</think>\n\n' + m.content }}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    end="<|im_end|>",
    special=("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    eos="<|im_end|>",
    pad="<|endoftext|>",
)

TOOLS = Style(
    "tool turns",
    "{% for m in messages %}{% if m.role == 'tool' %}"
    "{{ '<|im_start|>user\n<tool_response>\n' + m.content + '\n</tool_response><|im_end|>\n' }}"
    "{% else %}{{ '<|im_start|>' + m.role + '\n' + (m.content or '') }}"
    "{% for call in m.tool_calls or [] %}{{ '<tool_call>\n' + call.function | tojson + '\n</tool_call>' }}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    end="<|im_end|>",
    special=("<|im_start|>", "<|im_end|>"),
    eos="<|im_end|>",
    tools=True,
)

NO_GENERATION_PROMPT = Style(
    "no generation prompt",
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}",
    end="<|im_end|>",
    special=("<|im_start|>", "<|im_end|>"),
    eos="<|im_end|>",
)

STYLES = (
    CHATML,
    PAD_IS_EOS,
    WRONG_EOS,
    DEFAULT_SYSTEM,
    HEADERS,
    INST_SYS,
    INST,
    MODEL_ROLE,
    CLOSING_TEXT_END,
    EOS_ENDS_ALL,
    PLAIN_ROLES,
    REASONING,
    TOOLS,
    NO_GENERATION_PROMPT,
)

OPENED_REASONING = Style(
    "reasoning opened by the prompt",
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}",
    end="<|im_end|>",
    special=("<|im_start|>", "<|im_end|>"),
    eos="<|im_end|>",
)

ENDLESS = Style(
    "turns end with a line break",
    "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
    end="",
    special=("<|endoftext|>",),
    eos="<|endoftext|>",
)

WORD_END = Style(
    "turns end with a word",
    "{% for m in messages %}{{ m.role + ': ' + m.content + ' over\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
    end="",
    special=("<|endoftext|>",),
    eos="<|endoftext|>",
)


def make_tokenizer(style: Style = CHATML) -> PreTrainedTokenizerFast:
    """A tokenizer with some hundred tokens that can write any text, with the template of *style*."""
    backend = Tokenizer(models.BPE(byte_fallback=style.metaspace, unk_token=None))
    special = [AddedToken(token, special=True, normalized=False) for token in style.special]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if style.metaspace:
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        backend.decoder = decoders.Metaspace()
        alphabet = [chr(code) for code in range(32, 127)] + ["\n"]
    else:
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        chat_template=style.template,
        eos_token=style.eos,
        pad_token=style.pad,
        bos_token=style.bos,
        clean_up_tokenization_spaces=False,
    )
