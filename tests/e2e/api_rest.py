"""The clients of DeepL, LibreTranslate and Google v2, and calls as Weblate and
Mastodon make them, against our edge.

api_rest.py URL AUTHORITY.pem [TOKEN]: prints JSON.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

import deepl
import requests
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


def ask_deepl(url, token):
    client = deepl.DeepLClient(token or "none", server_url=url,
                               verify_ssl=os.environ["SSL_CERT_FILE"])
    texts = client.translate_text(TWO, source_lang="EN", target_lang="DE")
    detected = client.translate_text(LONG, target_lang="DE")
    wrong = deepl.DeepLClient("wrong", server_url=url,
                              verify_ssl=os.environ["SSL_CERT_FILE"],
                              send_platform_info=False)
    return {
        "texts": [t.text for t in texts],
        "billed": [t.billed_characters for t in texts],
        "detected": detected.detected_source_lang,
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
        "sources": {l.code: l.name for l in client.get_source_languages()},
        "targets": {l.code: l.supports_formality
                    for l in client.get_target_languages()},
        "usage": str(client.get_usage().character.limit),
        "glossaries": client.list_glossaries(),
        "pairs": client.get_glossary_languages(),
        "formality": refusal(lambda: client.translate_text(
            ENGLISH, target_lang="DE", formality="more"), deepl.DeepLException),
        "unknown": refusal(lambda: client.translate_text(
            ENGLISH, source_lang="EN", target_lang="SW"), deepl.DeepLException),
        "wrong key": refusal(lambda: wrong.get_usage(), deepl.DeepLException),
        # As its clients sent it before 2023, and as Weblate does.
        "form": requests.post(
            url + "/v2/translate", timeout=60,
            headers={"Authorization": f"DeepL-Auth-Key {token}"},
            data={"text": TWO, "source_lang": "EN", "target_lang": "DE"}).json(),
        "form with key": requests.post(
            url + "/v2/translate", timeout=60,
            data={"text": ENGLISH + " & = + \"ü\"", "auth_key": token or "",
                  "source_lang": "EN", "target_lang": "DE"}).json(),
    }


def ask_libretranslate(url, token):
    client = LibreTranslateAPI(url, api_key=token)
    key = {"api_key": token} if token else {}

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
        "quoted key": post(url + "/translate", q='"api_key":"wrong"',
                           source="en", target="de", **key)[0],
    }


def ask_google(url, token):
    client = translate_v2.Client(
        credentials=Token(token), target_language="de",
        client_options=client_options.ClientOptions(api_endpoint=url))
    key = f"?key={token}" if token else ""
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
            f"{url}/language/translate/v2{key}{'&' if key else '?'}"
            + urllib.parse.urlencode({"q": ENGLISH, "source": "en",
                                      "target": "de", "format": "text"}),
            timeout=60).json(),
        "error": post(url + "/language/translate/v2",
                      token and f"Bearer {token}", q=[ENGLISH], target=""),
    }


def main():
    url, authority = sys.argv[1:3]
    token = sys.argv[3] if len(sys.argv) > 3 else None
    os.environ["REQUESTS_CA_BUNDLE"] = authority
    os.environ["SSL_CERT_FILE"] = authority  # of urllib
    print(json.dumps({"deepl": ask_deepl(url, token),
                      "libretranslate": ask_libretranslate(url, token),
                      "google": ask_google(url, token)}))


if __name__ == "__main__":
    main()
