"""Google's own client of Cloud Translation v3 against a server of ours.

api_google_v3.py ADDRESS [AUTHORITY.pem TOKEN]: prints JSON. With an authority
over TLS and with the token as its credentials.
"""

import asyncio
import json
import sys

import grpc
from google.api_core import exceptions
from google.cloud import translate_v3 as translate
from google.cloud.translate_v3.services.translation_service import transports

PARENT = "projects/anything/locations/global"
ENGLISH = "The house is small."


class Token(grpc.AuthMetadataPlugin):
    """As google.auth sends its tokens."""

    def __init__(self, token):
        self._token = token

    def __call__(self, context, callback):
        callback((("authorization", f"Bearer {self._token}"),), None)


def credentials(authority, token):
    with open(authority, "rb") as file:
        tls = grpc.ssl_channel_credentials(file.read())
    return grpc.composite_channel_credentials(
        tls, grpc.metadata_call_credentials(Token(token)))


def channel(aio, address, secrets):
    module = grpc.aio if aio else grpc
    if secrets:
        return module.secure_channel(address, credentials(*secrets))
    return module.insecure_channel(address)


def request(**fields):
    return {"parent": PARENT, "contents": [ENGLISH], "mime_type": "text/plain",
            "source_language_code": "en-US", "target_language_code": "de",
            **fields}


def refusal(call):
    try:
        call()
    except exceptions.GoogleAPICallError as error:
        return [type(error).__name__, error.message]
    return ["OK", ""]


def fields_at_fault(call):
    try:
        call()
    except exceptions.GoogleAPICallError as error:
        return [violation.field for detail in error.details
                for violation in getattr(detail, "field_violations", ())]
    return []


def pages(client, size):
    """All glossaries, page by page: the names of each."""
    return [[g.name.rsplit("/", 1)[1] for g in page.glossaries] for page in
            client.list_glossaries(request={"parent": PARENT,
                                            "page_size": size}).pages]


def ask_for_glossaries(client):
    def name_of(name):
        return f"{PARENT}/glossaries/{name}"

    def create(name, uri, **languages):
        return client.create_glossary(parent=PARENT, glossary={
            "name": name_of(name), "display_name": "Of houses", **languages,
            "input_config": {"gcs_source": {"input_uri": uri}}}).result(timeout=60)

    def translated(name, text=ENGLISH, **config):
        reply = client.translate_text(request=request(
            contents=[text, text], glossary_config={"glossary": name_of(name), **config}))
        return [[t.translated_text for t in reply.translations],
                [t.translated_text for t in reply.glossary_translations],
                reply.glossary_translations[0].glossary_config.glossary]

    pair = {"language_pair": {"source_language_code": "en",
                              "target_language_code": "de"}}
    both = {"language_codes_set": {"language_codes": ["en", "de", "fr"]}}
    made = create("houses", "gs://terms/houses.csv", **pair)
    in_set = create("set", "gs://terms/set.csv", **both)
    create("tabs", "gs://terms/houses.tsv", **pair)
    got = client.get_glossary(name=name_of("houses"))
    answers = {
        "made": [made.name, made.display_name, made.entry_count,
                 made.language_pair.target_language_code],
        "in set": [in_set.entry_count,
                   sorted(in_set.language_codes_set.language_codes)],
        "same": got == made,
        "listed": sorted(g.name.rsplit("/", 1)[1] for g in
                         client.list_glossaries(parent=PARENT)),
        "pages": pages(client, 3),
        "translated": translated("houses"),
        "by tabs": translated("tabs"),
        "by set": translated("set"),
        "other case": translated("houses", ENGLISH.lower()),
        "any case": translated("houses", ENGLISH.upper(), ignore_case=True),
        "of the operator": translated("operator"),
        "again": refusal(lambda: create("houses", "gs://terms/houses.csv", **pair)),
        "no file": refusal(lambda: create("x", "gs://terms/none.csv", **pair)),
        "outside": refusal(lambda: create("x", "gs://../houses.csv", **pair)),
        "not of buckets": refusal(lambda: create("x", "/etc/passwd", **pair)),
        "bad file": refusal(lambda: create("x", "gs://terms/bad.csv", **pair)),
        "no languages": refusal(lambda: create("x", "gs://terms/houses.csv")),
        "bad name": refusal(lambda: create("no name", "gs://terms/houses.csv", **pair)),
        "unknown": fields_at_fault(lambda: translated("horses")),
        "contextual": fields_at_fault(lambda: translated(
            "houses", contextual_translation_enabled=True)),
        "not ours": refusal(lambda: client.delete_glossary(name=name_of("operator"))),
        "too many": refusal(lambda: create("more", "gs://terms/houses.csv", **pair)),
    }
    answers["deleted"] = client.delete_glossary(
        name=name_of("houses")).result(timeout=60).name
    answers["gone"] = refusal(lambda: client.get_glossary(name=name_of("houses")))
    return answers


def main():
    address, *secrets = sys.argv[1:]
    client = translate.TranslationServiceClient(
        transport=transports.TranslationServiceGrpcTransport(
            channel=channel(False, address, secrets)))
    answers = {}

    plain = client.translate_text(request=request(contents=[ENGLISH, "Good morning!"]))
    answers["texts"] = [t.translated_text for t in plain.translations]
    answers["model of none"] = plain.translations[0].model
    named = client.translate_text(request=request(
        model=PARENT + "/models/en-de-mdn", labels={"team": "x"}))
    answers["model"] = named.translations[0].model
    general = client.translate_text(request=request(
        model=PARENT + "/models/general/nmt"))
    answers["general"] = general.translations[0].translated_text
    blank = client.translate_text(request=request(
        source_language_code="",
        contents=["The neighbours are painting their kitchen this weekend."]))
    answers["detected"] = blank.translations[0].detected_language_code

    found = client.detect_language(request={
        "parent": PARENT, "content": "Am Wochenende streichen die Nachbarn ihre "
        "Küche neu.", "mime_type": "text/plain"})
    answers["detection"] = [[l.language_code, l.confidence] for l in found.languages]
    supported = client.get_supported_languages(request={
        "parent": PARENT, "display_language_code": "fr"})
    answers["languages"] = {
        l.language_code: [l.display_name, l.support_source, l.support_target]
        for l in supported.languages}

    answers["unknown language"] = refusal(lambda: client.translate_text(
        request=request(target_language_code="xx")))
    answers["field of unknown language"] = fields_at_fault(
        lambda: client.translate_text(request=request(target_language_code="xx")))
    answers["no target"] = fields_at_fault(
        lambda: client.translate_text(request=request(target_language_code="")))
    answers["field of mime type"] = fields_at_fault(
        lambda: client.translate_text(request=request(mime_type="text/rtf")))
    answers["markup"] = [client.translate_text(request=request(
        mime_type=mime_type, contents=[f"<p>{ENGLISH}</p>"]
    )).translations[0].translated_text for mime_type in ("", "text/html")]
    answers["transliteration"] = fields_at_fault(
        lambda: client.translate_text(request=request(
            transliteration_config={"enable_transliteration": True})))
    answers["glossaries"] = ask_for_glossaries(client)
    answers["no contents"] = fields_at_fault(
        lambda: client.translate_text(request=request(contents=[])))
    answers["unknown model"] = refusal(
        lambda: client.translate_text(request=request(model="nothing")))
    answers["adaptive"] = refusal(lambda: client.adaptive_mt_translate(
        parent=PARENT, content=[ENGLISH]))
    answers["others"] = [refusal(call)[0] for call in (
        lambda: client.romanize_text(request={
            "parent": PARENT, "contents": [ENGLISH]}),
        lambda: client.batch_translate_text(request={
            "parent": PARENT, "source_language_code": "en",
            "target_language_codes": ["de"]}),
        lambda: client.translate_document(request={
            "parent": PARENT, "target_language_code": "de",
            "document_input_config": {"content": b"x", "mime_type": "text/html"}}))]
    answers["deadline"] = refusal(
        lambda: client.translate_text(
            request=request(contents=[" ".join([ENGLISH] * 200)]),
            timeout=1e-6, retry=None))

    async def aio():
        other = translate.TranslationServiceAsyncClient(
            transport=transports.TranslationServiceGrpcAsyncIOTransport(
                channel=channel(True, address, secrets)))
        calls = [other.translate_text(request=request()) for _ in range(8)]
        return [reply.translations[0].translated_text
                for reply in await asyncio.gather(*calls)]

    answers["async"] = asyncio.run(aio())
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
