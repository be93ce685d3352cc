"""The clients of DeepL, LibreTranslate and Google v2, and calls as Weblate and
Mastodon make them, against our edge.

api_rest.py URL AUTHORITY.pem TOKEN OTHER_TOKEN SLOW_TOKEN: prints JSON.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import deepl
import requests
from deepl import api_data
from google.api_core import client_options, exceptions
from google.auth import credentials as google_credentials
from google.cloud import translate_v2
from libretranslatepy import LibreTranslateAPI

ENGLISH = "The house is small."
TWO = [ENGLISH, "Good morning!"]
GERMAN = "Am Wochenende streichen die Nachbarn ihre Küche neu."
LONG = "The neighbours are painting their kitchen this weekend."


class Token(google_credentials.Credentials):
    """Credentials that hold a token, as an account's do."""

    def __init__(self, token):
        super().__init__()
        self.token = token

    @property
    def valid(self):
        return True

    def refresh(self, request):
        pass

    def apply(self, headers, token=None):
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"

    def before_request(self, request, method, url, headers):
        self.apply(headers)


def refusal(call, *kinds):
    try:
        call()
    except kinds as error:
        return [type(error).__name__, str(error)]
    return ["OK", ""]


def post(url, token=None, **fields):
    """JSON as Mastodon and others send it: status and body."""
    reply = requests.post(
        url, json=fields, timeout=60,
        headers={"Authorization": token} if token else {})
    return [reply.status_code, reply.json()]


def multipart(url, token):
    reply = requests.post(url, files={"text": (None, ENGLISH)}, timeout=60,
                          headers={"Authorization": token})
    return [reply.status_code, reply.json()]


def ask_deepl(url, token):
    client = deepl.DeepLClient(token, server_url=url,
                               verify_ssl=os.environ["SSL_CERT_FILE"])
    key = f"DeepL-Auth-Key {token}"

    def posted(**fields):
        return post(url + "/v2/translate", key, text=[ENGLISH],
                    source_lang="EN", target_lang="DE", **fields)

    texts = client.translate_text(TWO, source_lang="EN", target_lang="DE")
    detected = client.translate_text(LONG, target_lang="DE")
    wrong = deepl.DeepLClient("wrong", server_url=url,
                              verify_ssl=os.environ["SSL_CERT_FILE"],
                              send_platform_info=False)
    return {
        "texts": [t.text for t in texts],
        "billed": [t.billed_characters for t in texts],
        "detected": detected.detected_source_lang,
        "in the target already": [
            [t.text, t.detected_source_lang] for texts in (
                [GERMAN, ENGLISH], [GERMAN])
            for t in client.translate_text(texts, target_lang="DE")],
        "options": client.translate_text(
            ENGLISH, source_lang="EN", target_lang="DE", formality="prefer_more",
            split_sentences="0", preserve_formatting=True).text,
        "markup": client.translate_text(
            f"<p>{ENGLISH}</p>", source_lang="EN", target_lang="DE",
            tag_handling="html").text,
        "ignored": [client.translate_text(
            f"<r>{ENGLISH} <keep id=\"1\">The old house.</keep></r>",
            source_lang="EN", target_lang="DE", tag_handling=tags,
            ignore_tags=["keep", "other"]).text for tags in ("xml", "html")],
        "split": [client.translate_text(
            f"<r><a>{ENGLISH}</a> <b>{TWO[1]}</b></r>", source_lang="EN",
            target_lang="DE", tag_handling="xml", **tags).text for tags in (
                {}, {"outline_detection": False, "splitting_tags": ["a", "b"]},
                {"non_splitting_tags": ["a", "b"]})],
        "sources": {l.code: l.name for l in client.get_source_languages()},
        "targets": {l.code: l.supports_formality
                    for l in client.get_target_languages()},
        "usage": str(client.get_usage().character.limit),
        "formality": refusal(lambda: client.translate_text(
            ENGLISH, target_lang="DE", formality="more"), deepl.DeepLException),
        "unknown": refusal(lambda: client.translate_text(
            ENGLISH, source_lang="EN", target_lang="SW"), deepl.DeepLException),
        "wrong key": refusal(lambda: wrong.get_usage(), deepl.DeepLException),
        "odd formality": posted(formality="rude"),
        "odd model": posted(model_type="best"),
        "refused": {name: posted(**{name: value}) for name, value in (
            ("splitting_tags", ["p"]), ("non_splitting_tags", ["b"]),
            ("style_id", "x"), ("custom_instructions", ["Be brief."]),
            ("translation_memory_id", "x"), ("ignore_tags", ["b"]),
            ("tag_handling", "markdown"))},
        "not there": [post(url + path, key)[0] for path in (
            "/v2/document", "/v2/write/rephrase", "/v3/style_rules")],
        "odd split": posted(split_sentences=2),
        "no texts": post(url + "/v2/translate", key, target_lang="DE"),
        "numbers": [posted(split_sentences=split, preserve_formatting=1)
                    for split in (0, 1, True, "nonewlines")],
        "multipart": multipart(url + "/v2/translate", key),
        # As its clients sent it before 2023, and as Weblate does.
        "form": requests.post(
            url + "/v2/translate", timeout=60,
            headers={"Authorization": f"DeepL-Auth-Key {token}"},
            data={"text": TWO, "source_lang": "EN", "target_lang": "DE"}).json(),
        "form with key": requests.post(
            url + "/v2/translate", timeout=60,
            data={"text": ENGLISH + " & = + \"ü\"", "auth_key": token,
                  "source_lang": "EN", "target_lang": "DE"}).json(),
    }


def deepl_client(url, token):
    return deepl.DeepLClient(token, server_url=url,
                             verify_ssl=os.environ["SSL_CERT_FILE"])


def glossary_refusal(call):
    return refusal(call, deepl.DeepLException)


def ask_for_glossaries(url, token, other_token):
    """Of one pair of languages, as DeepL's v2 has them."""
    client, other = deepl_client(url, token), deepl_client(url, other_token)
    made = client.create_glossary("My terms", "EN", "DE", {
        "house": "Gebäude", "#1": "Nr. 1"})
    of_csv = client.create_glossary_from_csv(
        "Of CSV", "EN", "DE", 'house,"Bau, der",en,de\n')
    raw = requests.post(url + "/v2/glossaries", timeout=60, headers={
        "Authorization": f"DeepL-Auth-Key {token}"}, data={
            "name": "form", "source_lang": "en", "target_lang": "de",
            "entries": "a\tb", "entries_format": "tsv"})
    answers = {
        "made": [made.name, made.ready, made.source_lang, made.target_lang,
                 made.entry_count],
        "raw": [raw.status_code, sorted(raw.json())],
        "same": str(client.get_glossary(made.glossary_id)) == str(made),
        "entries": client.get_glossary_entries(made),
        "listed": sorted(g.name for g in client.list_glossaries()),
        "of another": [g.name for g in other.list_glossaries()],
        "pairs": [[p.source_lang, p.target_lang]
                  for p in client.get_glossary_languages()],
        "translated": [client.translate_text(
            ENGLISH, source_lang="EN", target_lang="DE", glossary=g).text
            for g in (made, of_csv, "operator")],
        "by several": client.translate_text(
            ENGLISH, source_lang="EN", target_lang="DE",
            glossary_ids=[made.glossary_id, "operator"]).text,
        "not for another": glossary_refusal(lambda: other.translate_text(
            ENGLISH, source_lang="EN", target_lang="DE", glossary=made.glossary_id)),
        "nor to read": glossary_refusal(lambda: other.get_glossary(made.glossary_id)),
        "nor to delete": glossary_refusal(lambda: other.delete_glossary(made.glossary_id)),
        "of the operator": glossary_refusal(lambda: client.delete_glossary("operator")),
        "unknown": glossary_refusal(lambda: client.get_glossary("nothing")),
        "twice": glossary_refusal(lambda: client.create_glossary_from_csv(
            "x", "EN", "DE", "a,b\na,c\n")),
        "bad csv": glossary_refusal(lambda: client.create_glossary_from_csv(
            "x", "EN", "DE", "a,b\n\"c,d\n")),
        "no language": glossary_refusal(lambda: client.create_glossary(
            "x", "EN", "not one", {"a": "b"})),
        "other pair": glossary_refusal(lambda: client.translate_text(
            ENGLISH, source_lang="EN", target_lang="DE",
            glossary=client.create_glossary("x", "FR", "DE", {"a": "b"}).glossary_id)),
    }
    deleted = requests.delete(url + "/v2/glossaries/" + of_csv.glossary_id,
                              timeout=60, headers={
                                  "Authorization": f"DeepL-Auth-Key {token}"})
    answers["deleted"] = [deleted.status_code, deleted.text]
    client.delete_glossary(made)
    answers["gone"] = glossary_refusal(lambda: client.get_glossary(made))
    return answers


def ask_for_multilingual_glossaries(url, token):
    """Of several pairs, as DeepL's v3 has them."""
    client = deepl_client(url, token)

    def dictionary(source, target, **entries):
        return api_data.MultilingualGlossaryDictionaryEntries(
            source, target, entries)

    made = client.create_multilingual_glossary("Both ways", [
        dictionary("EN", "DE", house="Gebäude", morning="Frühe"),
        dictionary("DE", "EN", Haus="building")])
    key = made.glossary_id

    def entries(source="EN", target="DE"):
        found = client.get_multilingual_glossary_entries(
            key, source, target).dictionaries[0].entries
        return dict(line.split("\t") for line in found.splitlines())

    answers = {
        "made": [made.name, [[d.source_lang, d.target_lang, d.entry_count]
                             for d in made.dictionaries]],
        "listed": [g.name for g in client.list_multilingual_glossaries()
                   if g.glossary_id == key],
        "not in v2": [g.name for g in client.list_glossaries()
                      if g.glossary_id == key],
        "entries": entries(),
        "translated": client.translate_text(
            ENGLISH, source_lang="EN", target_lang="DE", glossary=made).text,
        "renamed": client.update_multilingual_glossary_name(key, "New").name,
    }
    client.update_multilingual_glossary_dictionary(
        key, dictionary("EN", "DE", house="Bau", tree="Baum"))
    answers["updated"] = entries()
    client.replace_multilingual_glossary_dictionary(
        key, dictionary("EN", "DE", house="Haus"))
    answers["replaced"] = entries()
    client.delete_multilingual_glossary_dictionary(key, None, "DE", "EN")
    answers["left"] = len(client.get_multilingual_glossary(key).dictionaries)
    answers["no such"] = glossary_refusal(lambda: entries("DE", "EN"))
    answers["the last"] = glossary_refusal(
        lambda: client.delete_multilingual_glossary_dictionary(key, None, "EN", "DE"))
    client.delete_multilingual_glossary(key)
    answers["gone"] = glossary_refusal(lambda: client.get_multilingual_glossary(key))
    return answers


def ask_libretranslate(url, token):
    client = LibreTranslateAPI(url, api_key=token)
    key = {"api_key": token}

    def refused(**fields):
        return post(url + "/translate", **{**key, "source": "en", **fields})

    return {
        "text": client.translate(ENGLISH, "en", "de"),
        "detect": client.detect(GERMAN),
        "languages": client.languages(),
        # As Mastodon: a list, from what the post says or "auto".
        "list": post(url + "/translate", q=TWO, source="auto", target="de",
                     format="text", **key),
        "string": post(url + "/translate", q=ENGLISH, source="en", target="de",
                       alternatives=2, **key),
        "settings": requests.get(url + "/frontend/settings", timeout=60, headers={
            "Authorization": f"Bearer {token}"}).json(),
        "unknown": refused(q=ENGLISH, target="xx"),
        "no text": refused(target="de"),
        "markdown": refused(q="x", target="de", format="markdown"),
        "markup": post(url + "/translate", q=f"<p>{ENGLISH}</p>", source="en",
                       target="de", format="html", **key)[1]["translatedText"],
        "wrong key": post(url + "/translate", q=ENGLISH, source="en",
                          target="de", api_key="wrong"),
        "long": post(url + "/translate", q=(ENGLISH + " ") * 2500, source="en",
                     target="de", **key)[0],
        "many": post(url + "/translate", q=ENGLISH, source="en", target="de",
                     alternatives=1000, **key),
        "key in the query": requests.get(
            url + "/languages", params=key, timeout=60).status_code,
        "detect mixed": [l["language"] for l in client.detect(
            LONG + " Das Haus ist klein und alt.")],
        "not there": post(url + "/suggest", q="a", **key),
        "quoted key": post(url + "/translate", q='"api_key":"wrong"',
                           source="en", target="de", **key)[0],
    }


def ask_google(url, token):
    client = translate_v2.Client(
        credentials=Token(token), target_language="de",
        client_options=client_options.ClientOptions(api_endpoint=url))
    key = f"?key={token}"
    return {
        "texts": client.translate(TWO, source_language="en", format_="text"),
        "detected": client.translate(LONG, format_="text"),
        "markup": client.translate(f"<p>{ENGLISH}</p>",
                                   source_language="en")["translatedText"],
        "model": client.translate(ENGLISH, source_language="en",
                                  format_="text", model="nmt")["model"],
        "detect": client.detect_language([GERMAN, LONG]),
        "languages": client.get_languages(),
        "unknown": refusal(lambda: client.translate(
            ENGLISH, target_language="xx", source_language="en", format_="text"),
            exceptions.GoogleAPICallError),
        "cid": refusal(lambda: client.translate(
            ENGLISH, source_language="en", format_="text",
            customization_ids="own"), exceptions.GoogleAPICallError),
        "key": requests.get(
            f"{url}/language/translate/v2{key}&"
            + urllib.parse.urlencode({"q": ENGLISH, "source": "en",
                                      "target": "de", "format": "text"}),
            timeout=60).json(),
        "error": post(url + "/language/translate/v2",
                      f"Bearer {token}", q=[ENGLISH], target=""),
    }


def ask_too_much(url, token, slow_token):
    def call(place, key, **more):
        """As each API is called: `more` has nothing to translate."""
        google = place == "/language/translate/v2"
        fields = {
            "/v2/translate": {"text": [ENGLISH], "source_lang": "EN",
                              "target_lang": "DE"},
            "/translate": {"q": ENGLISH, "source": "en", "target": "de",
                           "api_key": key},
            "/language/translate/v2": {"q": [ENGLISH], "source": "en",
                                       "target": "de"}}[place]
        return requests.post(
            url + place, json={**fields, **more}, timeout=60,
            headers={"Authorization": f"Bearer {key}"} if google else
            {"Authorization": f"DeepL-Auth-Key {key}"} if "v2" in place else {})

    places = ["/v2/translate", "/translate", "/language/translate/v2"]
    # More than 64 KiB and less than 4 MiB.
    names = ["context", "comment", "comment"]
    large = [call(place, token, **{name: "x" * 300000}).status_code
             for place, name in zip(places, names)]
    # requests sends all of a body before it looks for an answer.
    too_large = subprocess.run(
        ["curl", "-s", "--http1.1", "-w", "\n%{http_code}", "--cacert",
         os.environ["SSL_CERT_FILE"], "-H", "content-type: application/json",
         "--data-binary", "@-", url + "/v2/translate"],
        input=json.dumps({"text": ["x" * (5 << 20)]}), text=True,
        capture_output=True, timeout=60, check=True).stdout.rsplit("\n", 1)
    call(places[0], slow_token)
    too_fast = [call(place, slow_token) for place in places]
    return {"large": large,
            "too large": [int(too_large[1]), json.loads(too_large[0])],
            "too fast": [[reply.status_code, reply.headers.get("retry-after", 0),
                          reply.json()] for reply in too_fast]}


def main():
    url, authority, token, other_token, slow_token = sys.argv[1:]
    os.environ["REQUESTS_CA_BUNDLE"] = authority
    os.environ["SSL_CERT_FILE"] = authority  # of urllib
    print(json.dumps({
        "deepl": ask_deepl(url, token),
        "glossaries": ask_for_glossaries(url, token, other_token),
        "limits": ask_too_much(url, token, slow_token),
        "multilingual": ask_for_multilingual_glossaries(url, token),
        "libretranslate": ask_libretranslate(url, token),
        "google": ask_google(url, token)}))


if __name__ == "__main__":
    main()
