"""The clients against the real server."""

import asyncio
import threading

import grpc
import pytest

from peregrine_translate import (
    AsyncClient,
    AuthenticationError,
    Client,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    RetryPolicy,
    StableText,
    UnavailableError,
)

TEXTS = [f"The house number {number} is small." for number in range(100)]


@pytest.fixture
def client(server):
    with Client(server.address, timeout=60) as client:
        yield client


def test_one_text(client):
    translation = client.translate("The house is small.")
    assert "Haus" in translation.text
    assert str(translation) == translation.text
    assert translation.hypotheses[0].text == translation.text
    assert translation.cost.sentences == 1
    assert translation.cost.device == "cpu"
    assert translation.cost.target_tokens > 0


def test_languages(client):
    languages = {one.language: one for one in client.languages("de")}
    assert languages["en"].display_name == "Englisch"
    assert languages["en"].own_name == "English"
    assert languages["en"].targets == ("de",)
    assert languages["en"].pivot_targets == ()
    assert languages["de"].is_target and not languages["en"].is_target


def test_languages_of_texts(client):
    english = "The neighbours are painting their kitchen this weekend."
    german = "Die Küche wird gelb."
    text = f"{german} {english}"
    found, none = client.detect([text, "12"], by_sentence=True, any_language=True)
    # Of the whole text CLD2 need not name both.
    assert found.languages[0].language in ("en", "de")
    assert sum(one.confidence for one in found.languages) <= 1.01
    parts = [text[one.begin : one.end] for one in found.sentences]
    assert parts == [german, english]
    assert [one.language for one in found.sentences] == ["de", "en"]
    assert none.language == "" and none.certainty == "too_short"
    assert client.detect(english)[0].certainty == "sure"


def test_a_cache_that_is_asked_to_stand_by(client):
    text = "The cat has eaten the whole cake."
    costs = [client.translate(text, no_cache=True).cost for _ in range(2)]
    assert [cost.cached_sentences for cost in costs] == [0, 0]


def test_a_list_keeps_its_order(client):
    texts = ["The house is small.", "", "I like coffee.", "  "]
    translations = client.translate(texts)
    assert "Haus" in translations[0].text
    assert "Kaffee" in translations[2].text
    assert [t.text for t in translations[1::2]] == ["", "  "]
    assert client.translate([]) == []


def test_a_long_list_equals_single_texts(client):
    together = client.translate(TEXTS)  # more than one call takes
    alone = [client.translate(text) for text in TEXTS[:3]]
    assert [t.text for t in together[:3]] == [t.text for t in alone]
    assert len(together) == len(TEXTS)


def test_alternatives(client):
    translation = client.translate(
        "Good morning!", options={"beam_size": 4, "num_hypotheses": 3}
    )
    assert len(translation.hypotheses) == 3
    scores = [h.score for h in translation.hypotheses]
    assert scores == sorted(scores, reverse=True)


def test_scores_are_those_of_the_search(client):
    texts = ["The house is small.", "I like coffee."]
    found = client.translate(texts, options={"return_token_scores": True})
    scores = client.score(list(zip(texts, [t.text for t in found])))
    for translation, score in zip(found, scores):
        details = translation.message.hypotheses[0].tokens
        assert [t.token for t in score.tokens[:-1]] == [t.token for t in details]
        assert [t.score for t in score.tokens[:-1]] == pytest.approx([t.score for t in details])
        assert score.score == pytest.approx(translation.score, rel=1e-5)
        assert score.log_probability == pytest.approx(sum(t.score for t in score.tokens))
    tokens = [t.token for t in scores[0].tokens[:-1]]
    assert client.score([(texts[0], tokens)])[0].score == scores[0].score
    worse = client.score([(texts[0], found[1].text)])[0]
    assert worse.score < scores[0].score - 1
    assert client.score([]) == []
    many = client.score([(texts[0], found[0].text)] * 100, length_penalty=0)
    assert len(many) == 100
    assert many[99].score == pytest.approx(scores[0].log_probability)


def test_errors_of_scores_name_the_pair(client):
    with pytest.raises(InvalidRequestError) as caught:
        client.score([("Hello.", "Hallo."), ("Hello.", ["no-such-piece"])])
    assert caught.value.field == "pairs[1].target.tokens[0]"
    with pytest.raises(InvalidRequestError) as caught:
        client.score([("", "Hallo.")])
    assert caught.value.field == "pairs[0].source"
    with pytest.raises(ValueError, match=r"pairs\[0\].target: not UTF-8"):
        client.score([("Hello.", "\udc80")])
    with pytest.raises(TypeError, match="beam_size"):
        client.score([("Hello.", "Hallo.")], beam_size=4)


def test_models(client):
    (model,) = client.models()
    assert (model.name, model.source_language, model.target_language) == ("en-de-mdn", "en", "de")
    assert client.model("en-de-mdn") == model
    assert client.translate("Hello.", model="en-de-mdn", source="en", target="de").text


def test_errors_name_the_field(client):
    with pytest.raises(InvalidRequestError) as caught:
        client.translate("Hello.", options={"beam_size": 9999})
    assert caught.value.field == "options.beam_size"
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert "9999" in caught.value.violations[0].description
    with pytest.raises(NotFoundError, match="no-such-model"):
        client.translate("Hello.", model="no-such-model")
    with pytest.raises(ValueError, match=r"texts\[1\]: not UTF-8: a lone surrogate"):
        client.translate(["fine", "\udc80"])
    with pytest.raises(ValueError, match=r"texts\[0\]: found int, expected str"):
        client.translate([3])


def test_a_deadline(client):
    with pytest.raises((DeadlineError, OverloadedError)):
        client.translate(["word " * 5000] * 8, timeout=0.001)


def test_no_server():
    with Client("127.0.0.1:1", max_attempts=1, timeout=10) as client:
        with pytest.raises(UnavailableError):
            client.translate("Hello.")


@pytest.mark.parametrize("ordered", [True, False])
def test_a_stream_answers_every_text_once(client, ordered):
    results = list(client.translate_stream(iter(TEXTS), ordered=ordered, max_in_flight=16))
    indexes = [result.index for result in results]
    assert sorted(indexes) == list(range(len(TEXTS)))
    if ordered:
        assert indexes == sorted(indexes)
    for result in results:
        assert result.source == TEXTS[result.index]
        assert result.unwrap().text


def test_an_error_of_one_text_leaves_the_stream_open(client):
    texts = ["Hello.", "\udc80", "x" * 100_000, None, "Good morning!"]
    results = list(client.translate_stream(texts))
    assert [result.error is None for result in results] == [True, False, False, False, True]
    assert all(isinstance(result.error, InvalidRequestError) for result in results[1:4])


def test_a_stream_ends_early_without_the_rest(client):
    read = []

    def endless():
        while True:
            read.append(1)
            yield "Hello."

    stream = client.translate_stream(endless(), max_in_flight=8)
    assert next(stream).unwrap().text
    stream.close()
    count = len(read)
    assert client.translate("Hello.").text
    assert len(read) <= count + 300  # what was read ahead, and no more


def test_a_source_that_waits_for_its_answers(client):
    """As a person at a terminal does."""
    answered = threading.Event()

    def ask_twice():
        yield "Hello."
        assert answered.wait(30)
        yield "Good morning!"

    stream = client.translate_stream(ask_twice())
    first = next(stream)
    answered.set()
    assert first.index == 0
    assert next(stream).index == 1
    assert list(stream) == []


def test_what_the_source_raises_is_raised(client):
    def broken():
        yield "Hello."
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(client.translate_stream(broken()))


def test_asyncio(server):
    async def texts():
        for text in TEXTS[:20]:
            await asyncio.sleep(0)
            yield text

    async def run():
        async with AsyncClient(server.address) as client:
            several = await asyncio.gather(*(client.translate(t) for t in TEXTS[:10]))
            streamed = [r async for r in client.translate_stream(texts())]
            return several, streamed

    several, streamed = asyncio.run(run())
    assert [t.text for t in several] == [r.unwrap().text for r in streamed[:10]]
    assert len(streamed) == 20


def test_a_closed_client_says_so(server):
    client = Client(server.address)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.translate("Hello.")


def test_a_full_server_loses_nothing(start_server):
    small = start_server("--workers=1", "--max-queue-sentences=4", "--max-batch-rows=16",
                         "--max-texts-per-request=4")
    with Client(small.address) as client:
        retry = RetryPolicy(max_attempts=50, first_pause=0.02)
        results = list(client.translate_stream(TEXTS, retry=retry))
    assert [result.error for result in results] == [None] * len(TEXTS)


# One that stops without time to drain cancels what it has not answered.
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_server_that_ends_loses_nothing(start_server, end):
    servers = [start_server("--workers=1", "--drain-timeout=0s") for _ in range(2)]
    with Client([server.address for server in servers]) as client:
        answers = []
        for result in client.translate_stream(TEXTS * 3, max_in_flight=32):
            answers.append(result)
            if len(answers) == 40:
                getattr(servers[0], end)()
        assert [r.index for r in answers] == list(range(len(TEXTS) * 3))
        assert [r.error for r in answers] == [None] * len(answers)
        # The one that is left answers calls of its own, too.
        assert client.translate("Hello.").text


def test_tokens(start_server, tmp_path):
    import hashlib

    tokens = tmp_path / "tokens"
    tokens.write_text(f"web {hashlib.sha256(b'secret').hexdigest()}\n")
    guarded = start_server("--workers=1", f"--token-file={tokens}")
    with Client(guarded.address, token="secret") as client:
        assert client.translate("Hello.").text
        assert len(list(client.translate_stream(["Hello."] * 3))) == 3
    with Client(guarded.address, token="guess") as client:
        with pytest.raises(AuthenticationError):
            client.translate("Hello.")
        with pytest.raises(AuthenticationError):
            list(client.translate_stream(["Hello."]))


LIVE_TEXTS = [
    "The house is small. It stands near the old station, and 3 trees grow behind it.",
    "See https://example.org/a for more. I like coffee.\nAnd tea.",
    "",
    "HELLO FRIENDS. How are you?",
]


def test_live_text_begins_the_translation(client):
    begun = {}
    results = {}
    for update in client.translate_live(LIVE_TEXTS * 5):
        if isinstance(update, StableText):
            assert update.index not in results
            assert update.text.startswith(begun.get(update.index, ""))
            assert update.source == (LIVE_TEXTS * 5)[update.index]
            begun[update.index] = update.text
        else:
            results[update.index] = update.unwrap().text
    assert sorted(results) == list(range(20))
    for index, text in begun.items():
        assert results[index].startswith(text)
    assert any(begun.values())
    plain = [t.text for t in client.translate(LIVE_TEXTS)]
    assert [results[index] for index in range(4)] == plain


def test_live_text_by_asyncio(server):
    async def run():
        async with AsyncClient(server.address) as client:
            return [u async for u in client.translate_live(["I like coffee very much."])]

    *stable, result = asyncio.run(run())
    assert result.unwrap().text.startswith(stable[-1].text)
    assert len({update.text for update in stable}) == len(stable)


def test_words_and_confidence(client):
    text = "The house is small. I like coffee."
    translation = client.translate(text, options={"return_alignments": True})
    source, target = text.encode(), translation.text.encode()
    pairs = {
        target[slice(*word.range)]: source[slice(*word.source)] for word in translation.words
    }
    assert pairs[b"Haus"] == b"house"
    assert pairs["Kaffee".encode()] == b"coffee"
    assert [source[slice(*s.source)] for s in translation.sentences] == [
        b"The house is small.",
        b"I like coffee.",
    ]
    assert 0.0 < translation.confidence < 1.0
    assert translation.confidence == min(s.confidence for s in translation.sentences)
    assert not client.translate(text).words
    score, = client.score([("I like coffee.", "Ich mag Kaffee.")], return_alignments=True)
    assert any(
        b"Ich mag Kaffee."[slice(*word.range)] == b"Kaffee"
        and b"I like coffee."[slice(*word.source)] == b"coffee"
        for word in score.words
    )
