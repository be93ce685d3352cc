"""What clients show of the server's answers, and what they let callers say: all
of the contract."""

import dataclasses
import json
import pickle
from typing import get_type_hints

import pytest

import peregrine_translate as p
from conftest import MODEL
from peregrine_translate import (
    AsyncClient,
    Client,
    DeadlineError,
    InvalidRequestError,
    OverloadedError,
    Route,
    Term,
    Text,
)
from peregrine_translate._wire import translation_pb2 as pb
from peregrine_translate.options import make_options, read_options

ENGLISH = "The old house stands by the river, near the bridge."
GERMAN = "Am Wochenende streichen die Nachbarn ihre Küche neu."

# Message, its class, and fields that have another name there.
SHOWN = [
    (pb.Translation, p.Translation, set()),
    (pb.Hypothesis, p.Hypothesis, set()),
    (pb.TargetToken, p.Token, {"first_source"}),  # `attention` has the indexes
    (pb.TargetWord, p.Word, {"first_source"}),  # likewise `weights`
    (pb.SentenceRanges, p.Sentence, set()),
    (pb.Cost, p.Cost, set()),
    (pb.DetectedLanguage, p.DetectedLanguage, set()),
    (pb.SentenceLanguage, p.DetectedLanguage, {"detected"}),
    (pb.Intermediate, p.Intermediate, set()),
    (pb.LostSpan, p.LostSpan, set()),
    (pb.TextRoute, p.Route, set()),
    (pb.Pivot, p.Pivot, set()),
    (pb.TokenTranslation, p.TokenTranslation, set()),
    (pb.TokenHypothesis, p.TokenHypothesis, set()),
    (pb.TextScore, p.Score, set()),
    (pb.Language, p.Language, set()),
    (pb.LanguageDetection, p.Detection, set()),
    (pb.Model, p.Model, set()),
    (pb.DeviceInfo, p.Device, set()),
]
# Message, keyword arguments, and fields that are said otherwise.
TAKEN = [
    (pb.TranslateRequest, p.TranslateArguments,
     {"texts": "texts", "source_language": "source", "target_language": "target",
      "text_options": "format"}),
    (pb.TranslateStreamRequest, p.StreamArguments,
     {"text": "texts", "id": "texts", "source_language": "source", "target_language": "target",
      "text_options": "format", "return_stable_text": "translate_live"}),
    (pb.TextOptions, p.TranslateArguments, {"terms": "glossary", "number_format": "numbers"}),
    (pb.TranslateTokensRequest, p.TokenArguments,
     {"sources": "texts", "source_language": "source", "target_language": "target"}),
    (pb.ScoreTextsRequest, p.ScoreArguments,
     {"pairs": "texts", "source_language": "source", "target_language": "target"}),
]


@pytest.mark.parametrize("message, shown, renamed", SHOWN, ids=lambda one: getattr(one, "__name__", ""))
def test_every_field_of_an_answer_is_shown(message, shown, renamed):
    fields = set(message.DESCRIPTOR.fields_by_name)
    assert fields - renamed <= {field.name for field in dataclasses.fields(shown)}
    assert renamed <= fields


@pytest.mark.parametrize("message, taken, said", TAKEN, ids=lambda one: getattr(one, "__name__", ""))
def test_every_field_of_a_request_can_be_said(message, taken, said):
    names = set(get_type_hints(taken)) | {"texts", "translate_live"}
    fields = message.DESCRIPTOR.fields_by_name
    assert {said.get(field, field) for field in fields} <= names
    assert set(said) <= set(fields)


def test_every_field_of_a_text_can_be_said():
    assert set(pb.Text.DESCRIPTOR.fields_by_name) == {"text", "options", "protected_ranges"}
    assert set(pb.Term.DESCRIPTOR.fields_by_name) == {"source", "targets", "case_sensitive"}
    assert set(pb.Sampling.DESCRIPTOR.fields_by_name) == set(
        get_type_hints(p.options.Sampling)
    )


def test_options_come_back_as_they_went():
    options = {
        "beam_size": 5,
        "length_penalty": 0.5,
        "stopping": "best_finished",
        "sampling": {"top_k": 5, "seed": 7},
        "target_prefix": "Das",
        "must_contain": ["Haus", {"tokens": ["\u2581Hund"]}],
        "allow_unknown": False,
    }
    assert read_options(make_options(options)) == options


@pytest.fixture(scope="module")
def pivot_server(start_server, tmp_path_factory):
    """English to German, and German to what is called Dutch here: the same model."""
    folder = tmp_path_factory.mktemp("models") / "de-nl"
    folder.mkdir()
    for file in MODEL.iterdir():
        if file.name != "config.json":
            (folder / file.name).symlink_to(file)
    config = json.loads((MODEL / "config.json").read_text("utf-8"))
    config.update(name="de-nl", source_language="de", target_language="nl")
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return start_server("--workers=1", f"--model={folder}")


@pytest.fixture
def client(pivot_server):
    with Client(pivot_server.address, timeout=60) as client:
        yield client


@pytest.fixture
def plain(server):
    with Client(server.address, timeout=60) as client:
        yield client


def test_one_model(plain):
    revision = plain.model("en-de-mdn").revision
    assert len(revision) == 16
    expected = Route("en-de-mdn", revision, "en", "de")
    assert plain.translate(ENGLISH).route == expected
    assert [r.unwrap().route for r in plain.translate_stream([ENGLISH] * 2)] == [expected] * 2


def test_two_models_in_a_row(client):
    found = client.translate(ENGLISH, source="en", target="nl")
    between = client.translate(ENGLISH, target="de")
    assert found.route.model == "de-nl"
    assert (found.route.source_language, found.route.target_language) == ("en", "nl")
    assert found.route.pivot == p.Pivot("de", "en-de-mdn", between.route.revision)
    assert found.intermediate.text == between.text
    assert found.intermediate.flags == between.flags
    assert found.intermediate.cost.source_tokens == between.cost.source_tokens
    assert between.intermediate is None and between.route.pivot is None
    (streamed,) = client.translate_stream([ENGLISH], source="en", target="nl")
    assert streamed.unwrap().route == found.route


def test_texts_that_go_different_ways(client):
    english, german, other = client.translate(
        [ENGLISH, GERMAN, ENGLISH], source="auto", target="nl"
    )
    assert english.route.pivot.model == "en-de-mdn"
    assert german.route.pivot is None and german.route.model == "de-nl"
    assert (english.route.source_language, german.route.source_language) == ("en", "de")
    assert german.detected.certainty == "sure" and 0.5 < german.detected.confidence <= 1
    assert other == dataclasses.replace(english, cost=other.cost, message=other.message,
                                        intermediate=other.intermediate)
    streamed = client.translate_stream([ENGLISH, GERMAN], source="auto", target="nl")
    assert [r.unwrap().route for r in streamed] == [english.route, german.route]


def test_a_text_that_is_in_the_target_language_already(client):
    texts = client.translate([ENGLISH, GERMAN], source="auto", target="de")
    assert texts[0].route.model == "en-de-mdn"
    assert (texts[1].route.model, texts[1].text) == ("", GERMAN)


def test_a_lost_span(plain):
    # A prefix takes the place of what was there.
    text = "See https://example.org/abc for more."
    found = plain.translate(text, unprotected=["url"])
    assert found.lost_spans == ()
    found = plain.translate(
        "There are 12 houses.", options={"target_prefix": "Es gibt viele Häuser. ", "max_length": 9})
    assert ("span_lost" in found.flags) == bool(found.lost_spans)
    for span in found.lost_spans:
        assert (span.kind, span.text, span.found, span.expected) == ("number", "12", 0, 1)


def test_tokens_and_words_of_every_hypothesis(plain):
    options = {"beam_size": 4, "num_hypotheses": 3, "return_alignments": True,
               "return_token_scores": True}
    found = plain.translate("The house is small.", options=options)
    assert "".join(found.source_tokens).replace("\u2581", " ").strip() == "The house is small."
    source = b"The house is small."
    assert [source[slice(*word)] for word in found.source_words][:2] == [b"The", b"house"]
    for hypothesis in found.hypotheses:
        spelled = "".join(token.token for token in hypothesis.tokens)
        assert spelled.replace("\u2581", " ").strip() == hypothesis.text
        assert all(token.score <= 0 for token in hypothesis.tokens)
        assert all(
            token.source in [index for index, _ in token.attention] for token in hypothesis.tokens
        )
        assert hypothesis.words
    assert found.words == found.hypotheses[0].words


def test_a_model_tells_its_limits_and_defaults(plain):
    (model,) = plain.models()
    assert model.default_options["beam_size"] >= 1
    assert make_options(model.default_options) == model.message.default_options
    assert model.limits["max_texts_per_request"] == model.message.limits.max_texts_per_request > 0
    assert (model.devices[0].device, model.devices[0].workers) == ("cpu", 1)
    assert model.devices[0].weights_bytes > 1 << 20
    assert model.parameters > 1 << 20 and "encoder" in model.architecture


def test_languages_of_one_model(client):
    assert {one.language for one in client.languages()} == {"en", "de", "nl"}
    assert {one.language for one in client.languages(model="en-de-mdn")} == {"en", "de"}


def test_tokens_in_and_out(plain):
    text = "The house is small."
    found = plain.translate(text, options={"return_alignments": True})
    (tokens,) = plain.translate_tokens([found.source_tokens], options={"return_token_scores": True})
    assert "".join(tokens.tokens).replace("\u2581", " ").strip() == found.text
    assert tokens.score == pytest.approx(found.score, rel=1e-5)
    assert (tokens.model, tokens.flags) == ("en-de-mdn", ())
    assert [t.token for t in tokens.hypotheses[0].details] == list(tokens.tokens)
    many = plain.translate_tokens([found.source_tokens] * 100)
    assert [one.tokens for one in many] == [tokens.tokens] * 100
    assert plain.translate_tokens([]) == []
    with pytest.raises(TypeError, match="'format'"):
        plain.translate_tokens([["a"]], format="html")


def test_texts_with_options_of_their_own(plain):
    texts = [
        "I like coffee.",
        Text("I like coffee.", options={"num_hypotheses": 2}),
        Text("I like coffee.", options={"target_prefix": "Den Kaffee"}),
    ]
    for found in (
        plain.translate(texts, options={"beam_size": 3}),
        [r.unwrap() for r in plain.translate_stream(texts, options={"beam_size": 3})],
        plain.translate(texts * 30, options={"beam_size": 3})[-3:],
    ):
        assert [len(one.hypotheses) for one in found] == [1, 2, 1]
        assert found[2].text.startswith("Den Kaffee")
        assert not found[0].text.startswith("Den Kaffee")


def test_a_text_alone_with_arguments_of_its_own(client):
    ranged = Text("Grüße from Café Blorktown 7.", protected=[(16, 25)])
    assert "Blorktown" in client.translate(ranged, target="de").text
    both = client.translate(
        [Text(ENGLISH, target="nl"), Text(f"<p>{ENGLISH}</p>", format="html"), ENGLISH],
        source="en", target="de",
    )
    assert [one.route.target_language for one in both] == ["nl", "de", "de"]
    assert both[1].text == f"<p>{both[2].text}</p>"
    updates = list(client.translate_live([Text(ENGLISH, target="nl")], source="en", target="de"))
    assert updates[-1].unwrap().text == both[0].text
    assert updates[-1].source == ENGLISH


def test_a_function_of_texts_takes_them_too(plain):
    translate = p.Translator(plain)
    text = Text("I like coffee.", options={"target_prefix": "Den Kaffee"})
    assert translate(text).startswith("Den Kaffee")
    assert translate([text, "I like coffee."])[0] == translate(text)


def test_a_text_with_a_deadline_of_its_own(plain):
    late, fine = plain.translate_stream([Text("word " * 3000, timeout=0.001), "Good morning!"])
    assert isinstance(late.error, (DeadlineError, OverloadedError))
    assert fine.unwrap().text
    with pytest.raises((DeadlineError, OverloadedError)):
        plain.translate(Text("word " * 3000, timeout=0.001))


def test_errors_of_one_text_name_it(plain):
    with pytest.raises(InvalidRequestError) as caught:
        plain.translate(["Hello.", Text("Hello.", options={"beam_size": 9999})])
    assert caught.value.field == "texts[1].options.beam_size"
    with pytest.raises(ValueError, match=r"texts\[0\]: not UTF-8"):
        plain.translate(Text("\udc80"))


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"protected": [(2, 9)]}, r"protected: found \(2, 9\), expected places from 0 to 5"),
        ({"protected": [(3, 2)]}, r"protected: found \(3, 2\)"),
        ({"options": {"beam": 1}}, "options: found 'beam'"),
        ({"format": "pdf"}, "format: found 'pdf'"),
        ({"tongue": "de"}, "found the argument 'tongue'"),
        ({"ordered": False}, "found the argument 'ordered'"),
    ],
)
def test_a_wrong_text_is_refused_where_it_is_made(arguments, error):
    with pytest.raises((TypeError, ValueError), match=error):
        Text("Hello", **arguments)


def test_terms_in_one_case(plain):
    terms = {"red kite": Term("Gabelweihe", case_sensitive=True)}
    lower, title = plain.translate(
        ["We saw the red kite.", "We saw the Red Kite."], glossary=terms
    )
    assert "Gabelweihe" in lower.text
    assert "Gabelweihe" not in title.text


def test_terms_are_stored_with_their_case(glossary_server):
    with Client(glossary_server.admin_address) as administrator, \
            Client(glossary_server.address) as client:
        terms = {"US": Term(["USA", "Amerika"], case_sensitive=True)}
        administrator.put_glossary("cases", terms, source="en", target="de")
        found = client.glossary("cases").terms
        assert found == {"US": ("USA", "Amerika")}
        assert found["US"].case_sensitive
        assert pickle.loads(pickle.dumps(found["US"])).case_sensitive
        administrator.delete_glossary("cases")


def test_both_clients_have_the_same_methods():
    def methods(kind):
        return {name for name in vars(kind) if not name.startswith("_")}

    assert methods(AsyncClient) - methods(Client) == {"translate_batches", "live_batches"}
    assert methods(Client) <= methods(AsyncClient)
