"""Glossaries of the server, and the shapes that other libraries want."""

import pytest

from peregrine_translate import (
    AuthenticationError,
    Client,
    InvalidRequestError,
    NotFoundError,
    Translator,
    pipeline,
)


def test_glossaries(glossary_server):
    with Client(glossary_server.admin_address) as administrator:
        put = administrator.put_glossary(
            "houses", {"house": ["Hütte", "Haus"], "Red Kite": ""}, source="en", target="de"
        )
        assert (put.name, put.source_language, put.term_count) == ("houses", "en", 2)
        with Client(glossary_server.address) as client:
            (listed,) = client.glossaries()
            assert listed == put and listed.changed.tzinfo is not None
            terms = client.glossary("houses").terms
            assert terms == {"house": ("Hütte", "Haus"), "Red Kite": ()}
            text = client.translate("The house is small.", glossaries=["houses"]).text
            assert "Hütte" in text or "Haus" in text
            with pytest.raises(AuthenticationError):
                client.put_glossary("other", {"a": "b"})
            with pytest.raises(NotFoundError):
                client.glossary("other")
        with pytest.raises(InvalidRequestError, match="name: found"):
            administrator.put_glossary("not a name", {"a": "b"})
        with pytest.raises(ValueError, match="glossary: 'a': found"):
            administrator.put_glossary("x", {"a": [1]})
        administrator.delete_glossary("houses")
        assert administrator.glossaries() == []


def test_translator(server):
    with Client(server.address) as client:
        translate = Translator(client, target="de")
        assert "Haus" in translate("The house is small.")
        assert translate([]) == []
        houses, = translate(("The house is small.",))
        assert "Haus" in houses


def test_pandas(server):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["The house is small.", "Good morning!"]}, index=[7, 3])
    with Client(server.address) as client:
        frame["german"] = Translator(client)(frame["text"])
    assert "Haus" in frame.loc[7, "german"] and "Morgen" in frame.loc[3, "german"]


def test_batches(server):
    with Client(server.address) as client:
        by_batch = Translator(client).batches("text", into="german")
        out = by_batch({"id": [1, 2], "text": ["Good morning!", "The house is small."]})
        assert out["id"] == [1, 2] and "Haus" in out["german"][1]


def test_datasets(server):
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict({"text": ["Good morning!"] * 5, "id": list(range(5))})
    with Client(server.address) as client:
        out = data.map(Translator(client).batches("text"), batched=True, batch_size=2)
    assert out["id"] == list(range(5)) and all("Morgen" in text for text in out["translation"])


def test_pipeline(server):
    with pipeline("translation_en_to_de", address=server.address) as translate:
        (one,) = translate("The house is small.")
        assert list(one) == ["translation_text"] and "Haus" in one["translation_text"]
        assert len(translate(["Good morning!", "Thank you."])) == 2
    with pytest.raises(ValueError, match="task: found 'summarization'"):
        pipeline("summarization")


def test_detected(server):
    with Client(server.address) as client:
        text = "The neighbours are painting their kitchen this weekend."
        assert client.translate(text, source="auto").detected.language == "en"
        assert client.translate(text, source="en").detected is None
