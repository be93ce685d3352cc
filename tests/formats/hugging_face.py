"""What transformers computes with one of its encoder-decoder models."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import golden_file
from golden_file import numbers

FORCED_TOKENS = 9
COLUMNS = 40
# In the words of our model directory: what `generate` calls early_stopping.
STOPPING = {"best_finished": True, "heuristic": False, "never": "never"}


def enlarge(model: PreTrainedModel, eos: int, seed: int, eos_bias: float) -> None:
    """Random weights of a size at which decisions are no coin flips and searches end."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_positions" in name:
                continue
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.9 * parameter.shape[1] ** -0.5)
            elif "norm" in name and name.endswith("weight"):
                torch.nn.init.uniform_(parameter, 0.7, 1.3)
            else:
                torch.nn.init.normal_(parameter, std=0.1)
        if hasattr(model, "final_logits_bias"):
            torch.nn.init.normal_(model.final_logits_bias, std=0.3)
            model.final_logits_bias[0, eos] = eos_bias
        elif hasattr(model.get_decoder(), "layer_norm"):
            row = model.get_output_embeddings().weight[eos]
            model.get_decoder().layer_norm.bias += eos_bias * row / row.dot(row)
    model.tie_weights()


def decode(tokenizer: PreTrainedTokenizerBase, tokens: list[int]) -> str:
    """The text, without white space around it."""
    # transformers 5 forgets, saving M2M100, that the tokens of its languages are special.
    languages = set(getattr(tokenizer, "lang_token_to_id", {}).values())
    return tokenizer.decode([token for token in tokens if token not in languages],
                            skip_special_tokens=True).strip()


def hypotheses(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase,
               source: list[int], settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The n-best list of `generate`, in the words of golden.json."""
    config = model.generation_config
    beam = settings.get("num_beams", config.num_beams or 1)
    max_length = settings.get("max_length", config.max_length)
    forced_eos = config.forced_eos_token_id is not None
    with torch.no_grad():
        result = model.generate(torch.tensor([source]), attention_mask=torch.ones(1, len(source)),
                                num_return_sequences=beam, return_dict_in_generate=True,
                                output_scores=True, **settings)
    found = []
    for rank, sequence in enumerate(result.sequences.tolist()):
        tokens = sequence[1:]
        ended = config.eos_token_id in tokens
        if ended:
            tokens = tokens[:tokens.index(config.eos_token_id)]
        found.append({
            "tokens": tokens,
            "truncated": len(tokens) == max_length - 2 if forced_eos else not ended,
            "text": decode(tokenizer, tokens),
        })
        if beam > 1:
            found[-1]["score"] = numbers(result.sequences_scores[rank].item())
    return found


@dataclasses.dataclass
class Source:
    """A text in tokens; of a multilingual model with the languages, source and target."""
    text: str
    ids: list[int]
    languages: tuple[str, str] | None = None
    target_token: int | None = None

    def settings(self) -> dict[str, Any]:
        return {} if self.target_token is None else {"forced_bos_token_id": self.target_token}


def encode(tokenizer: PreTrainedTokenizerBase, text: str,
           languages: tuple[str, str] | None, target_in_source: bool | str = False) -> Source:
    """`target_in_source`: true, or how the text itself begins with the language."""
    if languages is None:
        return Source(text, tokenizer(text).input_ids)
    if isinstance(target_in_source, str):
        begin = target_in_source.format(languages[1])
        return Source(text, tokenizer(begin + text).input_ids, languages)
    if target_in_source:
        tokenizer.src_lang = languages[1]
        return Source(text, tokenizer(text).input_ids, languages)
    tokenizer.src_lang = languages[0]
    target = (tokenizer.get_lang_id(languages[1]) if hasattr(tokenizer, "get_lang_id")
              else tokenizer.convert_tokens_to_ids(languages[1]))
    return Source(text, tokenizer(text).input_ids, languages, target)


def search(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase,
           sources: list[Source], options: dict[str, Any]) -> dict[str, Any]:
    """`options` in our words; what they leave out is left to the model's settings."""
    settings: dict[str, Any] = {}
    if "beam_size" in options:
        settings["num_beams"] = options["beam_size"]
    if "length_penalty" in options:
        settings["length_penalty"] = options["length_penalty"]
    if "stopping" in options:
        settings["early_stopping"] = STOPPING[options["stopping"]]
    return {"options": options,
            "hypotheses": [hypotheses(model, tokenizer, source.ids,
                                      {**settings, **source.settings()})
                           for source in sources]}


def require_same(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase,
                 sources: list[Source], searches: list[dict[str, Any]]) -> bool:
    """Whether float64 finds what float32 found: no decision hangs by a hair."""
    precise = model.double()
    try:
        for one in searches:
            again = search(precise, tokenizer, sources, one["options"])
            for before, after in zip(one["hypotheses"], again["hypotheses"]):
                if [h["tokens"] for h in before] != [h["tokens"] for h in after]:
                    return False
        return True
    finally:
        model.float()


def golden(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str],
           searches: list[dict[str, Any]],
           pairs: tuple[tuple[str, str], ...] | None = None,
           target_in_source: bool | str = False) -> dict[str, Any]:
    """The content of golden.json. The texts take turns with the `pairs` of languages of a
    multilingual model. Raises golden_file.TooClose."""
    model.eval()
    sources = [encode(tokenizer, text, pairs[i % len(pairs)] if pairs else None,
                      target_in_source)
               for i, text in enumerate(texts)]
    done = [search(model, tokenizer, sources, options) for options in searches]
    if not require_same(model, tokenizer, sources, done):
        raise golden_file.TooClose
    result: dict[str, Any] = {"sentences": [], "forced": [], "searches": done}
    suppressed = {word[0] for word in model.generation_config.bad_words_ids or []}
    for source in sources:
        with torch.no_grad():
            states = model.get_encoder()(torch.tensor([source.ids])).last_hidden_state[0]
        rows = sorted({0, len(source.ids) // 2, len(source.ids) - 1})
        result["sentences"].append({"text": source.text, "encoder_input": source.ids,
                                    "encoder_output": {"rows": rows,
                                                       "values": numbers(states[rows])}})
        if source.languages:
            result["sentences"][-1]["languages"] = source.languages
    generator = torch.Generator().manual_seed(5)
    start = model.generation_config.decoder_start_token_id
    for index in (1, len(sources) - 1):
        size = model.get_output_embeddings().weight.shape[0]
        prefix = [start] + torch.randint(size, (FORCED_TOKENS,), generator=generator).tolist()
        columns = [column for column in range(size) if column not in suppressed][-COLUMNS:]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([sources[index].ids]),
                           decoder_input_ids=torch.tensor([prefix])).logits[0]
        result["forced"].append({"sentence": index, "decoder_input": prefix,
                                 "columns": columns, "logits": numbers(logits[:, columns])})
    return result


def save(model: PreTrainedModel, directory: pathlib.Path, dtype: torch.dtype) -> None:
    model.to(dtype).save_pretrained(directory)
    model.float()
